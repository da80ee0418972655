import numpy as np
import pytest

from data.histories import Histories, Interactions, group_by_user
from evaluation import ranking, sum_ranking
from evaluation.ranking import mean_recall
from evaluation.sum_ranking import mean_recalls_of_sums

USERS, BOOKS, K = 40, 60, 5
WEIGHTS = [(1, 0, 0), (0, 1, 0), (0.5, 2, 1), (1, 1, 1), (0, 0, 0), (4, 0.25, 2)]


def histories(pairs: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(pairs))), len(pairs))


class Case:
    """Three parts: one of even scores, one of few high ones with many equal to 0, one of whole numbers with ties."""

    def __init__(self, seed: int):
        random = np.random.default_rng(seed)
        drawn = random.random((USERS, BOOKS))
        drawn[0] = 0.1  # Who has read everything.
        drawn[1, : BOOKS - 3] = 0.1  # Who has three books left.
        self.training, self.heldout = histories(drawn < 0.2), histories((drawn >= 0.2) & (drawn < 0.3))
        even = random.standard_normal((USERS, BOOKS)).astype(np.float32)
        few = np.where(random.random((USERS, BOOKS)) < 0.05, random.random((USERS, BOOKS)) * 9, 0).astype(np.float32)
        whole = random.integers(0, 4, (USERS, BOOKS)).astype(np.float32)
        self.parts = (even, few, whole)

    def judge(self, users: np.ndarray) -> tuple[list[float], list[float]]:
        judged = users, self.training, self.heldout, BOOKS, K
        scorers = [lambda block, part=part: part[block] for part in self.parts]
        found = mean_recalls_of_sums(scorers, WEIGHTS, *judged)
        totals = [np.tensordot(np.float32(own), np.stack(self.parts), axes=1) for own in WEIGHTS]
        return found, [mean_recall(lambda block, total=total: total[block], *judged) for total in totals]


@pytest.mark.parametrize("top_books", [K, 12, 10 * BOOKS])
@pytest.mark.parametrize("places", [1, 7 * BOOKS, 10**6])
@pytest.mark.parametrize("seed", range(3))
def test_the_recall_of_a_weighted_sum_is_that_of_its_whole_ranking(
    seed: int, places: int, top_books: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "BLOCK_SCORES", places)
    monkeypatch.setattr(sum_ranking, "TOP_BOOKS", top_books)
    found, expected = Case(seed).judge(np.arange(0, USERS, dtype=np.int32))
    assert found == pytest.approx(expected)
    assert len(set(found)) > len(WEIGHTS) // 2


def test_the_parts_scores_are_left_as_they_were() -> None:
    case = Case(0)
    before = [part.copy() for part in case.parts]
    case.judge(np.arange(USERS, dtype=np.int32))
    assert all((part == old).all() for part, old in zip(case.parts, before, strict=True))


def test_the_tops_decide_where_the_parts_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every sum would be ranked whole, which is what the tops are to save."""
    ranked_whole = []
    top = sum_ranking.top

    def counting(totals: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        ranked_whole.append(len(totals) if totals.shape[1] == 5_000 and k == 20 else 0)
        return top(totals, k)

    monkeypatch.setattr(sum_ranking, "top", counting)
    random = np.random.default_rng(0)
    common = random.standard_normal((100, 5_000)) * 3
    parts = [(common + random.standard_normal(common.shape)).astype(np.float32) for _ in range(2)]
    nothing = histories(np.zeros((100, 5_000), bool))
    wanted = histories(common == common.max(axis=1, keepdims=True))
    found = mean_recalls_of_sums(
        [lambda block, part=part: part[block] for part in parts],
        [(1, 1), (1, 0.5)],
        np.arange(100, dtype=np.int32),
        nothing,
        wanted,
        5_000,
        20,
    )
    assert min(found) > 0.9
    assert sum(ranked_whole) == 0
