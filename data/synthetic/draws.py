"""Random draws that are the same on every machine, with every release of numpy."""

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A double has 53 bits of precision: the upper 53 of 64 random bits become a number in [0, 1).
DROPPED_BITS: Final = np.uint64(11)
SCALE: Final = 2.0**-53


class Draws:
    """A stream of random numbers for one purpose.

    numpy guarantees the raw bits of PCG64, but not the results of `Generator`'s methods. Exponentials and logarithms
    differ in the last bit between processors. Raw bits, the four basic operations, square roots, running sums and
    stable sorts are the same everywhere: this class, and all code that uses it, needs nothing else.
    """

    def __init__(self, seed: int, purpose: str):
        """Starts the stream.

        Args:
          seed: the seed of the whole data set, at least 0.
          purpose: the use of the numbers. Streams of different purposes are independent, so a change to one part of the
            data leaves the others as they are.
        """
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]))

    def words(self, count: int) -> NDArray[np.uint64]:
        """Returns `[count]` random words of 64 bits."""
        return np.asarray(self._bits.random_raw(count), np.uint64)

    def uniform(self, count: int) -> Floats:
        """Returns `[count]` numbers in [0, 1)."""
        return (self.words(count) >> DROPPED_BITS).astype(np.float64) * SCALE

    def below(self, count: int, bound: int) -> Integers:
        """Returns `[count]` integers from 0 to `bound` - 1."""
        return np.minimum((self.uniform(count) * bound).astype(np.int64), bound - 1)

    def weighted(self, count: int, cumulative: Floats) -> Integers:
        """Returns `[count]` positions, drawn by weight; `cumulative` is the running sum of the weights."""
        drawn = np.searchsorted(cumulative, self.uniform(count) * cumulative[-1], side="right")
        return np.minimum(drawn, len(cumulative) - 1)

    def permutation(self, count: int) -> Integers:
        """Returns the numbers from 0 to `count` - 1 in random order."""
        return np.argsort(self.words(count), kind="stable")
