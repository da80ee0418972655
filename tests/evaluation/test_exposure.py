import numpy as np
import pytest

from evaluation.exposure import drift, leaps, moved, newcomers, overlap, places, reach


def lists(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int32)


NOBODY = np.zeros((0, 2), np.int32)


def test_the_same_lists_in_any_order_have_not_moved() -> None:
    found = moved(lists([0, 1], [2, 3]), lists([1, 0], [2, 3]), 5)
    assert (found.drift, found.overlap) == (0, 1)
    assert found.before.tolist() == found.after.tolist() == [0.5, 0.5, 0.5, 0.5, 0]


def test_a_book_in_every_second_list() -> None:
    """Book 4 takes one place of four: a quarter drifts, and one of two lists keeps only half."""
    found = moved(lists([0, 1], [2, 3]), lists([0, 4], [2, 3]), 5)
    assert found.before.tolist() == [0.5, 0.5, 0.5, 0.5, 0]
    assert found.after.tolist() == [0.5, 0, 0.5, 0.5, 0.5]
    assert (found.drift, found.overlap) == (0.25, 0.75)


def test_readers_may_swap_lists_and_no_book_is_shown_more() -> None:
    found = moved(lists([0, 1], [2, 3]), lists([2, 3], [0, 1]), 4)
    assert (found.drift, found.overlap) == (0, 0)


def test_places_without_a_book_do_not_count() -> None:
    assert reach(lists([0, -1], [-1, -1]), 2).tolist() == [0.5, 0]
    assert overlap(lists([0, -1], [-1, -1]), lists([0, 1], [-1, -1])) == 0.75
    # A gap is no book, nor the last book of the row before it.
    assert overlap(lists([0, 1], [0, 1]), lists([0, 1], [-1, -1])) == 0.5


def test_nothing_shown_has_not_drifted_from_nothing() -> None:
    found = moved(NOBODY, NOBODY, 3)
    assert (found.drift, found.overlap) == (0, 1)
    assert drift(np.zeros(2), np.array([1.0, 0])) == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_drift_is_a_distance_between_0_and_1(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second, third = (reach(random.integers(0, 9, (20, 5)).astype(np.int32), 9) for _ in range(3))
    assert 0 < drift(first, second) <= 1
    assert drift(first, second) == pytest.approx(drift(second, first))
    assert drift(first, third) <= drift(first, second) + drift(second, third) + 1e-9
    assert drift(np.array([1.0, 0]), np.array([0, 1.0])) == 1


def test_a_leap_is_what_goes_beyond_some_times_the_share_before_or_the_mean() -> None:
    before, after = np.array([0.4, 0.1, 0.0, 0.1]), np.array([0.9, 0.1, 0.5, 0.4])
    assert leaps(before, after, 2) == pytest.approx([0.1, -0.2, 0.2, 0.1])
    assert leaps(np.zeros(0), np.zeros(0), 2).shape == (0,)


def test_newcomers_were_not_near_the_top_before() -> None:
    before = np.array([9, 8, 7, 6, -np.inf, 5], np.float32)
    after = np.array([9, 1, 2, 6, 7, 8], np.float32)
    assert places(before).tolist() == [0, 1, 2, 3, -1, 4]
    assert newcomers(before, after, shown=3, near=2).tolist() == [5, 4]
    assert newcomers(before, after, shown=3, near=5).tolist() == [4]
    assert newcomers(before, after, shown=1, near=1).tolist() == []
    assert newcomers(before, before, shown=6, near=6).tolist() == [4]


def test_of_equal_scores_the_first_book_stands_first() -> None:
    assert places(np.array([1, 2, 1, 2], np.float32)).tolist() == [2, 0, 3, 1]
