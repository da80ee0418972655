import numpy as np
import pytest

from core.progress import Advance, watched
from data.histories import Histories, Interactions, group_by_user
from evaluation.ranking import NO_BOOK, Rankings, find_hits, mean_recall, rank, rank_alike, top

USERS, BOOKS = 30, 25


class Case:
    """Random scores, and random books that were read or held out; some users have neither."""

    def __init__(self, seed: int):
        random = np.random.default_rng(seed)
        drawn = random.random((USERS, BOOKS))
        drawn[random.integers(USERS, size=4)] = 1
        self.scores = random.permutation(USERS * BOOKS).reshape(USERS, BOOKS).astype(np.float32)
        self.seen, self.wanted = drawn < 0.2, (drawn >= 0.2) & (drawn < 0.3)
        self.training, self.heldout = histories(self.seen), histories(self.wanted)

    def rank(self, users: list[int], k: int) -> Rankings:
        asked = np.array(users, np.int32)
        return rank(lambda block: self.scores[block], asked, self.training, self.heldout, BOOKS, k)

    def slow(self, user: int, k: int) -> list[int]:
        allowed = [b for b in range(BOOKS) if not self.seen[user, b] and np.isfinite(self.scores[user, b])]
        best = sorted(allowed, key=lambda book: -self.scores[user, book])[:k]
        return best + [-1] * (k - len(best))


def histories(pairs: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(pairs))), len(pairs))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5, 25, 60])
def test_it_equals_a_slow_ranking_user_by_user(seed: int, k: int) -> None:
    case = Case(seed)
    users = [*range(28, -1, -2), 7]
    rankings = case.rank(users, k)
    assert rankings.users.tolist() == users
    assert rankings.books.shape == rankings.hits.shape == (len(users), k)
    recalls = []
    for row, user in enumerate(users):
        best = case.slow(user, k)
        hits = [book >= 0 and bool(case.wanted[user, book]) for book in best]
        assert rankings.books[row].tolist() == best
        assert rankings.hits[row].tolist() == hits
        assert rankings.relevant[row] == case.wanted[user].sum()
        if case.wanted[user].any():
            recalls.append(sum(hits) / case.wanted[user].sum())
    asked = np.array(users, np.int32)
    mean = mean_recall(lambda block: case.scores[block], asked, case.training, case.heldout, BOOKS, k)
    assert mean == pytest.approx(np.mean(recalls))


@pytest.mark.parametrize("k", [1, 7, 40])
@pytest.mark.parametrize("books", [1, 7, 40, 333])
@pytest.mark.parametrize("values", [2, 50, 10**6])
def test_the_top_is_that_of_a_stable_sort_with_ties_and_books_that_are_never_recommended(
    k: int, books: int, values: int
) -> None:
    random = np.random.default_rng(books + values)
    scores = random.integers(-values, values, (20, books)).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    scores[0], scores[1], scores[2, 1:] = -np.inf, 0, -np.inf
    best, found = top(scores, k)
    for row, own in enumerate(scores):
        expected = [book for book in np.argsort(-own, kind="stable") if np.isfinite(own[book])][:k]
        missing = k - len(expected)
        assert found[row].tolist() == expected + [NO_BOOK] * missing
        assert best[row].tolist() == own[expected].tolist() + [-np.inf] * missing


@pytest.mark.parametrize("k", [1, 5, 25, 60])
@pytest.mark.parametrize("places", [1, 10 * BOOKS])
def test_one_order_for_all_is_the_ranking_by_the_same_scores(
    k: int, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.ranking.BLOCK_SCORES", places)
    case, alike = Case(2), np.random.default_rng(0).integers(0, 6, BOOKS).astype(np.float32)
    users = np.array([*range(28, -1, -2), 7], np.int32)
    expected = rank(
        lambda block: np.repeat(alike[np.newaxis], len(block), axis=0), users, case.training, case.heldout, BOOKS, k
    )
    found = rank_alike(alike, users, case.training, case.heldout, k)
    for one, other in zip(found, expected, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("places", [1, 2 * BOOKS + 3, 7 * BOOKS, 10**6])
def test_the_size_of_the_blocks_changes_nothing(places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case, blocks = Case(0), []
    whole = case.rank(list(range(USERS)), 5)
    monkeypatch.setattr("evaluation.ranking.BLOCK_SCORES", places)

    def score(block: np.ndarray) -> np.ndarray:
        blocks.append(len(block))
        return case.scores[block]

    parts = rank(score, np.arange(USERS, dtype=np.int32), case.training, case.heldout, BOOKS, 5)
    for one, other in zip(whole, parts, strict=True):
        assert (one == other).all()
        assert one.shape == other.shape
    assert max(blocks) == min(max(places // BOOKS, 1), USERS)
    assert sum(blocks) == USERS


def test_who_watches_sees_the_readers_ranked_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.ranking.BLOCK_SCORES", 10 * BOOKS)
    heard: list[Advance] = []
    with watched(heard.append):
        Case(1).rank(list(range(USERS)), 5)
    assert [told.by for told in heard if not told.begins and not told.over] == [10, 10, 10]
    assert {(told.activity, told.total, told.unit) for told in heard} == {("ranking", USERS, "readers")}


def test_a_score_of_minus_infinity_is_never_recommended_even_if_it_was_held_out() -> None:
    case = Case(1)
    user = int(np.flatnonzero(case.wanted.sum(axis=1) >= 2)[0])
    lost = int(np.flatnonzero(case.wanted[user])[0])
    case.scores[:, 5] = -np.inf
    case.scores[user, lost] = -np.inf
    rankings = case.rank(list(range(USERS)), BOOKS)
    assert not (rankings.books == 5).any()
    assert lost not in rankings.books[user]
    for other in range(USERS):
        assert rankings.books[other].tolist() == case.slow(other, BOOKS)
    assert rankings.relevant[user] == case.wanted[user].sum()
    assert rankings.hits[user].sum() < rankings.relevant[user]


def test_a_place_without_a_book_is_no_hit() -> None:
    read, heldout = np.ones((1, 3), bool), np.array([[False, False, True]])
    reader = np.zeros(1, np.int32)
    rankings = rank(lambda _: np.ones((1, 3), np.float32), reader, histories(read), histories(heldout), 3, 4)
    assert rankings.books.tolist() == [[-1] * 4]
    assert rankings.hits.tolist() == [[False] * 4]


def test_a_seen_book_is_never_a_hit_even_if_it_is_held_out_too() -> None:
    history = histories(np.array([[False, True, False]]))
    users = np.array([0], np.int32)
    assert mean_recall(lambda _: np.array([[0, 9, 1]], np.float32), users, history, history, 3, 3) == 0


def test_no_users_have_an_empty_ranking() -> None:
    rankings = Case(0).rank([], 7)
    assert rankings.books.shape == rankings.hits.shape == (0, 7)
    assert rankings.relevant.shape == (0,)


def test_hits_are_found_in_any_lists_for_users_in_any_order() -> None:
    """Books that nobody held out and ones beyond all that were, no book at all, and a user twice."""
    heldout = histories(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]))
    users = np.array([2, 0, 1, 0], np.int32)
    ranked = np.array([[0, 3, -1], [3, 9, 1], [0, 1, -1], [-1, -1, 2]], np.int32)
    assert find_hits(ranked, users, heldout).tolist() == [
        [True, False, False],
        [True, False, True],
        [False, False, False],
        [False, False, False],
    ]
