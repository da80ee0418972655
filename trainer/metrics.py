"""Retrieval metrics over a full ranking, in plain numpy.

All take the same two arguments: `hits` bool `[users, k]`, whether the book on each rank was held out, and `relevant`
int `[users]`, how many books were held out. Every user counts the same; a user without held-out books does not count.
"""

import numpy as np
import numpy.typing as npt

Hits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]


def recall(hits: Hits, relevant: Counts) -> float:
    """Mean of |recommended and held out| / |held out|.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 8.3. With more than k held-out
    books it cannot reach 1. No users: 0.
    """
    return _mean(hits.sum(axis=1), relevant)


def ndcg(hits: Hits, relevant: Counts) -> float:
    """Mean of DCG / ideal DCG, where DCG is the sum over hits of 1 / log2(rank + 1), ranks counted from 1.

    The ideal ranking has min(held out, k) hits on top. Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation
    of IR techniques, ACM TOIS 20(4), 2002. No users: 0.
    """
    discounts = 1 / np.log2(np.arange(hits.shape[1]) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(relevant, hits.shape[1])]
    return _mean(hits @ discounts, ideal)


def hit_rate(hits: Hits, relevant: Counts) -> float:
    """Share of users with at least one hit. No users: 0."""
    return _mean(hits.any(axis=1), np.minimum(relevant, 1))


def _mean(gained: npt.ArrayLike, possible: npt.ArrayLike) -> float:
    gains, limits = np.asarray(gained, np.float64), np.asarray(possible, np.float64)
    counted = limits > 0
    return float((gains[counted] / limits[counted]).mean()) if counted.any() else 0.0
