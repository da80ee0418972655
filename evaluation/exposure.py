"""Exposure: how two models' recommendation lists differ, for the same readers and for unknown users.

Lists are int32 `[n, k]`: the books recommended to `n` readers, best first, -1 where no book was left. The argument
`books` is the number of all books.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.histories import Ids

Values = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]


class Moved(NamedTuple):
    """How the lists of one model differ from those of another for the same readers."""

    before: Values
    """`[books]`: the share of the earlier lists that hold each book."""

    after: Values
    """`[books]`: the share of the later lists that hold each book."""

    drift: float
    overlap: float


def moved(before: Ids, after: Ids, books: int) -> Moved:
    """Compares the lists of two models; equal rows belong to the same reader."""
    first, second = reach(before, books), reach(after, books)
    return Moved(first, second, drift(first, second), overlap(before, after))


def leaps(before: Values, after: Values, times: float) -> Values:
    """Returns `[books]`: after - `times` max(before, mean of before), the rise of a book beyond the usual.

    Models that differ only in their seeds may more than double the number of lists with a book, and the difference
    grows with that number. A book with a share below the mean is compared with the mean.

    Args:
      before: `[books]`, from `reach`.
      after: `[books]`, from `reach`.
      times: factor by which a book's share of the lists may grow before the rise counts.
    """
    return after - times * np.maximum(before, before.mean() if len(before) else 0.0)


def reach(ranked: Ids, books: int) -> Values:
    """Returns `[books]`: the share of the lists that hold each book; no list: 0."""
    return np.bincount(ranked[ranked >= 0], minlength=books) / max(len(ranked), 1)


def drift(before: Values, after: Values) -> float:
    """Returns 1/2 sum over books of |s - t|, where s and t are the book's shares of all recommendations: from 0 to 1.

    It is the share of the recommendations that moved from some books to others. If one model recommends nothing, it is
    1/2; if both do, 0. Source: total variation distance; Levin, Peres and Wilmer, Markov Chains and Mixing Times, 2009,
    4.1.

    Args:
      before: `[books]`, from `reach`.
      after: `[books]`, from `reach`.
    """
    first, second = (each / max(each.sum(), np.finfo(float).tiny) for each in (before, after))
    return float(np.abs(second - first).sum() / 2)


def overlap(before: Ids, after: Ids) -> float:
    """Returns the mean over readers of |books in both lists| / |books in the longer list|.

    Two empty lists: 1. No readers: 1.
    """
    # Two more than the largest id, so that a row's -1 cannot equal a book of the row before it.
    width = int(max(before.max(initial=0), after.max(initial=0))) + 2
    rows = np.arange(len(before))[:, np.newaxis] * width
    common = (np.isin(rows + after, rows + before) & (after >= 0)).sum(axis=1)
    longest = np.maximum((before >= 0).sum(axis=1), (after >= 0).sum(axis=1))
    shares = np.divide(common, longest, out=np.ones(len(before)), where=longest > 0)
    return float(shares.mean()) if len(shares) else 1.0


def places(scores: Scores) -> Ids:
    """Returns `[books]`: the rank of each book by `scores` `[books]`, from 0; ties go to the lower book id.

    A book with a score of minus infinity has no rank: -1.
    """
    found = np.empty(len(scores), np.int32)
    found[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    found[~np.isfinite(scores)] = -1
    return found


def newcomers(before: Scores, after: Scores, shown: int, near: int) -> Ids:
    """Returns the books in the top `shown` of `after` that are not in the top `near` of `before`, best first.

    Args:
      before: `[books]` scores; minus infinity for an unknown book.
      after: `[books]` scores.
      shown: number of top books by `after` to check.
      near: number of top books by `before` that count as expected.
    """
    earlier = places(before)
    first = np.argsort(-after, kind="stable")[:shown].astype(np.int32)
    return first[(earlier[first] < 0) | (earlier[first] >= near)]
