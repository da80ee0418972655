import numpy as np
import pytest

from report.splits import doubling_bars


@pytest.mark.parametrize(
    ("sizes", "bars"),
    [
        ([], []),
        ([1], [(1, 2, 1)]),
        ([1, 2, 3, 3, 4, 7, 8], [(1, 2, 1), (2, 4, 3), (4, 8, 2), (8, 16, 1)]),
        ([5, 16], [(4, 8, 1), (8, 16, 0), (16, 32, 1)]),
    ],
)
def test_sizes_are_counted_in_bars_that_double(sizes: list[int], bars: list[tuple[int, int, int]]) -> None:
    found = doubling_bars(np.array(sizes, np.int64))
    assert [(bar.low, bar.high, bar.count) for bar in found] == bars


def test_every_size_is_in_one_bar() -> None:
    sizes = np.random.default_rng(1).geometric(0.02, 5_000)
    bars = doubling_bars(sizes)
    assert sum(bar.count for bar in bars) == 5_000
    assert all(bar.count == ((sizes >= bar.low) & (sizes < bar.high)).sum() for bar in bars)
