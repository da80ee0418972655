"""Which books two models show to the same readers, and to strangers: what of that moved.

All take lists as `ranked` int32 `[n, k]`: the books shown to `n` readers, best first, -1 where no book was left.
`books` is the number of all books.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.interactions import Ids

Values = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]


class Moved(NamedTuple):
    """How the lists of one model differ from those of another for the same readers."""

    before: Values
    """`[books]`: the share of the earlier lists that hold each book."""

    after: Values
    """`[books]`: of the later ones."""

    drift: float
    overlap: float


def moved(before: Ids, after: Ids, books: int) -> Moved:
    """Compares the lists of two models, row by row those of the same reader."""
    first, second = reach(before, books), reach(after, books)
    return Moved(first, second, drift(first, second), overlap(before, after))


def leaps(before: Values, after: Values, times: float) -> Values:
    """Returns `[books]`: after - `times` max(before, mean of before), how far a book rose beyond what is usual.

    Models that differ by nothing but their seeds may put a book into more than twice as many lists, and the more lists
    it is in, the larger the difference. A book that came from nowhere has the mean in place of its own share.

    Args:
      before: `[books]`, from `reach`.
      after: `[books]`, from `reach`.
      times: to how many times its former reach a book may rise as far as it likes.
    """
    return after - times * np.maximum(before, before.mean() if len(before) else 0.0)


def reach(ranked: Ids, books: int) -> Values:
    """Returns `[books]`: the share of the lists that hold each book; no list: 0."""
    return np.bincount(ranked[ranked >= 0], minlength=books) / max(len(ranked), 1)


def drift(before: Values, after: Values) -> float:
    """1/2 sum over books of |s - t|, s and t being the book's shares of all places before and after: from 0 to 1.

    It is the share of all places that went from some books to others. Nothing shown before or after: 0 if neither, else
    1/2. Source: total variation distance; Levin, Peres and Wilmer, Markov Chains and Mixing Times, 2009, 4.1.

    Args:
      before: `[books]`, from `reach`.
      after: `[books]`, from `reach`.
    """
    first, second = (each / max(each.sum(), np.finfo(float).tiny) for each in (before, after))
    return float(np.abs(second - first).sum() / 2)


def overlap(before: Ids, after: Ids) -> float:
    """Mean over readers of |books in both lists| / |books in the longer one|; no book in either: 1, no reader: 1."""
    # One place more than there are books: the -1 of a row is no book of the row before it.
    width = int(max(before.max(initial=0), after.max(initial=0))) + 2
    rows = np.arange(len(before))[:, np.newaxis] * width
    common = (np.isin(rows + after, rows + before) & (after >= 0)).sum(axis=1)
    longest = np.maximum((before >= 0).sum(axis=1), (after >= 0).sum(axis=1))
    shares = np.divide(common, longest, out=np.ones(len(before)), where=longest > 0)
    return float(shares.mean()) if len(shares) else 1.0


def places(scores: Scores) -> Ids:
    """Returns `[books]`: at which place each book stands by `scores` `[books]`, from 0, of equals the first book first.

    A score of minus infinity has no place: -1.
    """
    found = np.empty(len(scores), np.int32)
    found[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    found[~np.isfinite(scores)] = -1
    return found


def newcomers(before: Scores, after: Scores, shown: int, near: int) -> Ids:
    """Returns the books among the first `shown` by `after` that are not among the first `near` by `before`, best first.

    Args:
      before: `[books]` scores; minus infinity for a book that was not known.
      after: `[books]` scores.
      shown: how many books are looked at.
      near: up to which place a book was near enough to be expected.
    """
    earlier = places(before)
    first = np.argsort(-after, kind="stable")[:shown].astype(np.int32)
    return first[(earlier[first] < 0) | (earlier[first] >= near)]
