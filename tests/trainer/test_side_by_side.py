"""Two sides share the threads of linear algebra, and give them back."""

import threading

import numpy as np  # Brings the library whose threads are counted.
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from trainer.side_by_side import SIDES, side_by_side


def blas_threads() -> set[int]:
    found = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
    assert found, f"numpy {np.__version__} has no library of linear algebra that is known"
    return found


@pytest.mark.parametrize(("before", "within"), [(4, 2), (3, 1), (1, 1)])
def test_each_side_has_its_share_of_the_threads(before: int, within: int) -> None:
    with threadpool_limits(before, user_api="blas"):
        most = max(blas_threads())
        with side_by_side():
            assert blas_threads() == {max(min(within, most // SIDES), 1)}
        assert blas_threads() == {most}


def test_both_sides_are_at_work_at_the_same_time() -> None:
    meeting = threading.Barrier(SIDES, timeout=60)
    with side_by_side() as pool:
        assert sorted(pool.map(lambda _: meeting.wait(), range(SIDES))) == [0, 1]


def test_a_failure_gives_the_threads_back() -> None:
    before = blas_threads()
    with pytest.raises(ValueError, match="a side"), side_by_side():
        raise ValueError("a side")
    assert blas_threads() == before
