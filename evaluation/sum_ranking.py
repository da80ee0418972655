"""Ranks by many weighted sums of a few models' scores, from the top of each model's ranking where that suffices.

Uses the threshold algorithm of Fagin, Lotem and Naor (Optimal aggregation algorithms for middleware, PODS 2001). A book
below the top of every model scores at most the weighted sum of the tops' last scores. If k books of the tops score
higher, they are the best k of all. Otherwise all books are ranked.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from data.histories import Histories, Ids, row_entries
from evaluation import metrics
from evaluation.ranking import NO_BOOK, Scorer, Scores, by_blocks, find_hits, top

# Books in the top of each model; five times the length of the ranking suffices for nearly all users.
TOP_BOOKS: Final = 100


class Tops(NamedTuple):
    """The books in the top of any model, for some users."""

    books: Ids
    """`[n, pool]`, ascending."""

    allowed: npt.NDArray[np.bool_]
    """`[n, pool]`: False for a repeated book, padding and a book that is never recommended."""

    scores: Scores
    """`[parts, n, pool]`; 0 where not allowed."""

    last: Scores
    """`[parts, n]`: the maximum score of a book outside; minus infinity if no book is outside."""


def mean_recalls_of_sums(
    parts: Sequence[Scorer],
    weights: Sequence[Sequence[float]],
    users: Ids,
    training: Histories,
    heldout: Histories,
    books: int,
    k: int,
) -> list[float]:
    """Returns the mean Recall@k of each weighted sum of `parts`, equal to `ranking.mean_recall` of the sum.

    Args:
      parts: the models to sum; each scores each user once, with finite scores.
      weights: for each sum, the weight of each part, 0 or more.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      books: number of all books.
      k: length of the rankings, at most `TOP_BOOKS`.
    """

    def of_each_sum(block: Ids) -> list[metrics.Values]:
        scores = np.stack([np.asarray(part(block)) for part in parts])
        seen = row_entries(training, block)
        scores[:, seen[0], seen[1]] = -np.inf
        tops = _tops(scores)
        best = (_best(scores, tops, np.asarray(own, np.float32), k) for own in weights)
        return [metrics.recall(find_hits(ranked, block, heldout), heldout.sizes()[block], k) for ranked in best]

    found = by_blocks(of_each_sum, users, books, len(parts))
    return [metrics.mean(np.concatenate(recalls)) for recalls in zip(*found, strict=True)]


def _tops(scores: Scores) -> Tops:
    """Returns the tops of `[parts, n, books]`."""
    parts, users, books = scores.shape
    taken = min(TOP_BOOKS, books)
    values, ranked = top(scores.reshape(parts * users, books), taken)
    pool = np.sort(ranked.reshape(parts, users, taken).transpose(1, 0, 2).reshape(users, parts * taken), axis=1)
    pooled = np.take_along_axis(scores, pool[np.newaxis], axis=2)
    allowed = np.isfinite(pooled[0]) & (pool != NO_BOOK)
    allowed[:, 1:] &= pool[:, 1:] != pool[:, :-1]
    last = values[:, -1].reshape(parts, users) if taken < books else np.full((parts, users), -np.inf, np.float32)
    return Tops(pool, allowed, np.where(allowed, pooled, 0), last)


def _best(scores: Scores, tops: Tops, weights: Scores, k: int) -> Ids:
    """Returns `[n, k]`: the best books by the weighted sum, `NO_BOOK` where none is left."""
    totals = np.where(tops.allowed, np.tensordot(weights, tops.scores, axes=1), -np.inf)
    best, places = top(totals, k)
    best_books = np.where(places == NO_BOOK, NO_BOOK, np.take_along_axis(tops.books, places, axis=1))
    outside = np.isfinite(tops.last[0])
    most_outside = weights @ np.where(outside, tops.last, 0)
    undecided = np.flatnonzero(outside & (best[:, -1] <= most_outside))
    if len(undecided):
        allowed = np.isfinite(scores[0, undecided])
        whole = np.tensordot(weights, np.where(allowed, scores[:, undecided], 0), axes=1)
        best_books[undecided] = top(np.where(allowed, whole, -np.inf), k)[1]
    return best_books
