import math

import numpy as np
import pytest

from trainer import metrics

HITS = np.array(
    [
        [True, False, True],  # two of two found, on ranks 1 and 3
        [False, False, False],  # none of one
        [False, True, False],  # one of five, on rank 2
        [True, True, True],  # nobody held anything out for this user: does not count
    ]
)
RELEVANT = np.array([2, 1, 5, 0], np.int32)


def test_recall_by_hand() -> None:
    assert metrics.recall(HITS, RELEVANT) == pytest.approx((2 / 2 + 0 / 1 + 1 / 5) / 3)


def test_hit_rate_by_hand() -> None:
    assert metrics.hit_rate(HITS, RELEVANT) == pytest.approx(2 / 3)


def test_ndcg_by_hand() -> None:
    first = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    third = (1 / math.log2(3)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))  # five held out, but only three ranks
    assert metrics.ndcg(HITS, RELEVANT) == pytest.approx((first + 0 + third) / 3)


def test_a_perfect_ranking_has_ndcg_1() -> None:
    assert metrics.ndcg(np.ones((4, 3), np.bool_), np.array([3, 4, 9, 3], np.int32)) == pytest.approx(1)


@pytest.mark.parametrize("metric", [metrics.recall, metrics.ndcg, metrics.hit_rate])
def test_no_users_are_0(metric) -> None:
    assert metric(np.zeros((0, 5), np.bool_), np.zeros(0, np.int32)) == 0.0
    assert metric(np.ones((2, 5), np.bool_), np.zeros(2, np.int32)) == 0.0
