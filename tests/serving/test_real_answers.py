"""A thousand real readers, or a few made-up ones: each signature answers as numpy does, to one or many at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.contract import broken_terms
from tests.serving.real_models import (
    ASKED,
    MADE_UP_READERS,
    READERS_999,
    READERS_53000,
    ROWS,
    TOP_K,
    WITH_SPARSE_PART,
    WITHOUT_SPARSE_PART,
    RealModel,
    fit_and_serve,
    history_scores,
    user_embeddings,
    write_made_up_reviews,
)
from transform.features import FILLER_SCORE

TOLERANCE = 1e-5
# By name: what is fitted, and what to mark. A model with a sparse part has all that the other has.
CONFIGURATIONS = {
    "without-sparse-part": (WITHOUT_SPARSE_PART, [pytest.mark.exhaustive]),
    "with-sparse-part": (WITH_SPARSE_PART, []),
}

pytestmark = pytest.mark.integration


def real_reviews(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"the real reviews are not at {path}")


# By name: the reviews, where they are not made up; how many readers are asked about; and what to mark.
SETS = {
    "made-up-readers": (None, MADE_UP_READERS, []),
    "999-readers": (READERS_999, 999, [pytest.mark.exhaustive, real_reviews(READERS_999)]),
    "53000-readers": (
        READERS_53000,
        ASKED,
        [pytest.mark.large, pytest.mark.timeout(3600), real_reviews(READERS_53000)],
    ),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((path, asked, configuration), marks=[*marks, *also], id=f"{readers}-{kind}")
        for readers, (path, asked, marks) in SETS.items()
        for kind, (configuration, also) in CONFIGURATIONS.items()
    ],
)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RealModel:
    path, asked, configuration = request.param
    folder = tmp_path_factory.mktemp("real")
    model = fit_and_serve(path or write_made_up_reviews(folder / "reviews.csv"), configuration, folder / "model")
    assert len(model.users) == asked
    return model


def check(
    answer: dict[str, np.ndarray], books: list[bytes], scores: np.ndarray, left_out: np.ndarray, k: np.ndarray
) -> None:
    """Checks lists against numpy's: equal but for the order of books whose scores are.

    Args:
      answer: what the model says.
      books: all books.
      scores: `[n, books]`, what each is worth to each who asks.
      left_out: bool `[n, books]`: what must not be in the answer.
      k: `[n]`: how many each wants.
    """
    isbn, score = answer["isbn"], answer["score"]
    assert isbn.shape == score.shape == (len(scores), k.max())
    allowed = np.where(left_out, -np.inf, scores)
    there = np.arange(k.max()) < np.minimum(k, np.isfinite(allowed).sum(axis=1))[:, np.newaxis]
    assert ((isbn != b"") == there).all()
    assert (score[~there] == FILLER_SCORE).all()
    assert not (np.diff(score, axis=1) > 0).any(), "scores rise"
    places = pd.Index(books).get_indexer(isbn.ravel()).reshape(isbn.shape)
    assert (places[there] >= 0).all(), "a book that is in no review"
    rows = np.nonzero(there)[0]
    pairs = rows * len(books) + places[there]
    assert len(np.unique(pairs)) == len(pairs), "a book stands in an answer twice"
    own = allowed[rows, places[there]]
    assert np.isfinite(own).all(), "a book that was read, named or excluded"
    np.testing.assert_allclose(score[there], own, atol=TOLERANCE)
    best = -np.sort(-allowed, axis=1)[:, : k.max()]
    np.testing.assert_allclose(score[there], best[there[:, : best.shape[1]]], atol=TOLERANCE)


def portions(count: int) -> Iterator[slice]:
    """Yields slices of so many rows that all books for each are not more than a request may ask for."""
    return (slice(start, start + ROWS) for start in range(0, count, ROWS))


def padded(rows: list[list[bytes]]) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([[*row, *[b""] * (width - len(row))] for row in rows], object).reshape(len(rows), width)


def exclusions(real: RealModel, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns object `[users, n]`, and bool `[users, books]`: the same books. Half of them are the reader's best."""
    random = np.random.default_rng(n)
    best = np.argsort(-np.where(real.read, -np.inf, real.scores), axis=1)[:, : (n + 1) // 2]
    others = np.stack([random.choice(len(real.books), n // 2, replace=False) for _ in real.users])
    chosen = np.concatenate([best, others], axis=1).astype(int)
    named = np.array(real.books, object)[chosen]
    if n > 1:
        # Books that are not there take up room and leave nothing out.
        named[:, -1], named[:, -2] = b"", b"a book of which nobody has heard"
        chosen = chosen[:, :-2]
    excluded = np.zeros(real.read.shape, bool)
    np.put_along_axis(excluded, chosen, True, axis=1)
    return named, excluded


def recommend(real: RealModel, rows: Any, named: np.ndarray, k: np.ndarray) -> dict[str, np.ndarray]:
    users = np.array(real.users, object)[rows]
    return real.ask("recommend", user_id=users, exclude=named[rows], k=k[rows])


def test_a_reader_gets_the_best_of_what_was_not_read(real: RealModel) -> None:
    answer = real.ask("serving_default", user_id=real.users)
    check(answer, real.books, real.scores, real.read, np.full(len(real.users), TOP_K))
    assert answer["known_user"].all()


@pytest.mark.parametrize("n", [0, 1, 500])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_so_many_as_are_asked_for_and_none_that_is_excluded(real: RealModel, k: int, n: int) -> None:
    named, excluded = exclusions(real, n)
    wanted = np.full(len(real.users), k)
    check(recommend(real, slice(None), named, wanted), real.books, real.scores, real.read | excluded, wanted)


@pytest.mark.parametrize("n", [0, 1, 500])
def test_more_than_all_books_are_all_that_are_left(real: RealModel, n: int) -> None:
    """Each reader asks with one number of exclusions; every seventh asks for ten books among those who ask for all."""
    named, excluded = exclusions(real, n)
    wanted = np.where(np.arange(len(real.users)) % 7 == 3, 10, len(real.books) + 5)
    places = np.arange(len(real.users))[[0, 1, 500].index(n) :: 3]
    for part in portions(len(places)):
        rows = places[part]
        answer = recommend(real, rows, named, wanted)
        check(answer, real.books, real.scores[rows], (real.read | excluded)[rows], wanted[rows])


def test_a_history_is_answered_as_the_reader_of_it(real: RealModel) -> None:
    names = np.array(real.books, object)
    answer = real.ask("recommend_for_history", isbn=padded([names[read].tolist() for read in real.read]))
    check(answer, real.books, real.scores, real.read, np.full(len(real.users), TOP_K))
    assert answer["known_user"].all()


@pytest.mark.parametrize("n", [1, 500])
def test_any_history_is_answered(real: RealModel, n: int) -> None:
    random = np.random.default_rng(n)
    chosen = np.stack([random.choice(len(real.books), n, replace=False) for _ in real.users])
    histories = np.zeros(real.read.shape, bool)
    np.put_along_axis(histories, chosen, True, axis=1)
    answer = real.ask("recommend_for_history", isbn=np.array(real.books, object)[chosen])
    check(answer, real.books, history_scores(real.towers, histories), histories, np.full(len(chosen), TOP_K))


def test_who_has_no_history_gets_the_most_popular_books(real: RealModel) -> None:
    popular = [real.books[place] for place in np.argsort(-real.popularity, kind="stable")[:TOP_K]]
    strangers = real.ask("serving_default", user_id=[b"nobody", b""])
    empty = real.ask("recommend_for_history", isbn=np.zeros((2, 0), object))
    for answer in (strangers, empty):
        assert answer["isbn"].tolist() == [popular] * 2
        np.testing.assert_allclose(answer["score"], [-np.sort(-real.popularity)[:TOP_K]] * 2)
        assert not answer["known_user"].any()


@pytest.mark.parametrize("k", [1, 10, 100, None])
def test_similar_books_are_those_of_the_largest_cosine(real: RealModel, k: int | None) -> None:
    """Of a thousand books; where more than all are asked for, of a quarter of them."""
    vectors = real.ask("book_embedding", isbn=real.books)["embedding"].astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    places = np.unique(np.linspace(0, len(vectors) - 1, ROWS if k is None else 1000).astype(int))
    wanted = np.full(len(places), len(real.books) + 5 if k is None else k)
    answer = real.ask("similar_books", isbn=[real.books[place] for place in places], k=wanted)
    itself = np.arange(len(vectors)) == places[:, np.newaxis]
    check(answer, real.books, vectors[places] @ vectors.T, itself, wanted)
    assert answer["known_book"].all()


def test_the_vectors_are_those_of_the_towers(real: RealModel) -> None:
    users, books = user_embeddings(real.served, real.users), real.ask("book_embedding", isbn=real.books)
    assert users["known_user"].all()
    assert books["known_book"].all()
    np.testing.assert_array_equal(books["embedding"], real.towers.candidate_table)
    np.testing.assert_allclose(np.linalg.norm(users["embedding"], axis=1), 1, atol=TOLERANCE)
    np.testing.assert_allclose(real.scores, history_scores(real.towers, real.read), atol=TOLERANCE)
    assert (users["near_isbn"].shape[1] == 0) == (real.towers.neighbours is None)


def test_each_alone_is_answered_as_all_together(real: RealModel) -> None:
    named, _ = exclusions(real, 1)
    tens = np.full(len(real.users), 10)
    histories = [np.array(real.books, object)[read].tolist() for read in real.read]
    books = real.books[:: max(len(real.books) // 1000, 1)][:1000]
    for signature, together, alone in (
        ("serving_default", {"user_id": real.users}, [{"user_id": [user]} for user in real.users]),
        (
            "recommend",
            {"user_id": real.users, "exclude": named, "k": tens},
            [{"user_id": [user], "exclude": named[[row]], "k": [10]} for row, user in enumerate(real.users)],
        ),
        ("recommend_for_history", {"isbn": padded(histories)}, [{"isbn": [history]} for history in histories]),
        ("similar_books", {"isbn": books, "k": [10] * len(books)}, [{"isbn": [book], "k": [10]} for book in books]),
        ("user_embedding", {"user_id": real.users}, [{"user_id": [user]} for user in real.users]),
        ("book_embedding", {"isbn": books}, [{"isbn": [book]} for book in books]),
    ):
        if signature == "user_embedding":
            answer = user_embeddings(real.served, real.users)
        else:
            answer = real.ask(signature, **together)
        for row, inputs in enumerate(alone):
            assert_same(real.ask(signature, **inputs), row, answer)


def assert_same(one: dict[str, np.ndarray], row: int, many: dict[str, np.ndarray]) -> None:
    """The sums of a batch of another size may differ in the last digits, and change the order of equal books."""
    for name in one.keys() - {"isbn", "near_isbn", "near_score"}:
        np.testing.assert_allclose(one[name][0], many[name][row], atol=TOLERANCE, err_msg=name)
    if "isbn" in one:
        scores = many["score"][row]
        close = np.append(np.abs(np.diff(scores)) <= 2 * TOLERANCE, True)
        tied = close | np.append(False, close[:-1])
        assert (one["isbn"][0] == many["isbn"][row])[~tied].all()
    if "near_isbn" in one:
        assert near(one, 0) == pytest.approx(near(many, row), abs=TOLERANCE)


def near(vectors: dict[str, np.ndarray], row: int) -> dict[bytes, float]:
    """A reader's sparse part."""
    pairs = zip(vectors["near_isbn"][row], vectors["near_score"][row].tolist(), strict=True)
    return {isbn: score for isbn, score in pairs if isbn}


def test_they_keep_the_promises_by_which_a_push_is_judged(real: RealModel) -> None:
    names = np.array(real.books, object)
    read = {user: names[books].tolist() for user, books in zip(real.users, real.read, strict=True)}
    assert broken_terms(real.served.ask, read) == []
