"""8-bit quantisation of a table of vectors, for checkpoints and the hold-out model's file.

Each row is cut into groups of columns, and each group's largest absolute value maps to 127. One scale per row is too
coarse: towers that stack two parts have columns a hundred times as large as others.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

GROUP: Final = 32
"""Columns that share a scale; the last group of a row may have fewer."""

LARGEST: Final = 127


class StoredTable(NamedTuple):
    """A quantised table: an entry is its integer times the scale of its row and group."""

    integers: npt.NDArray[np.int8]
    """`[rows, width]`, from -127 to 127."""

    scales: npt.NDArray[np.float32]
    """`[rows, groups]`, never negative; 0 for a group of zeros."""

    def restored(self) -> npt.NDArray[np.float32]:
        """Returns the table as float32 `[rows, width]`; each entry is at most half a scale off."""
        return self.integers * np.repeat(self.scales, GROUP, axis=1)[:, : self.integers.shape[1]]


def stored(table: npt.NDArray[np.float32]) -> StoredTable:
    """Quantises finite float32 `[rows, width]` to 8 bits. A restored table gives the same integers again."""
    starts = np.arange(0, table.shape[1], GROUP)
    scales = (np.maximum.reduceat(np.abs(table), starts, axis=1) / LARGEST).astype(np.float32)
    divisors = np.repeat(np.where(scales > 0, scales, 1), GROUP, axis=1)[:, : table.shape[1]]
    return StoredTable(np.rint(table / divisors).clip(-LARGEST, LARGEST).astype(np.int8), scales)
