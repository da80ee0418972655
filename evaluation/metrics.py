"""Retrieval metrics of one ranking per user, in plain numpy.

All take the same three arguments and return float64 `[n]`, one value per user, NaN for a user without held-out books:

* `hits` bool `[n, K]`: whether the book on each rank was held out, best rank first.
* `relevant` int `[n]`: number of held-out books.
* `k`: number of ranks that count, at most `K`.

One value per user lets callers average, slice, resample and compare.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Hits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.integer]
Values = npt.NDArray[np.float64]

K: Final = 20
"""Default number of ranks that count."""


def recall(hits: Hits, relevant: Counts, k: int) -> Values:
    """Returns |recommended and held out| / |held out|, `[n]`.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 8.3. With more than k held-out
    books it cannot reach 1.
    """
    return ratio(hits[:, :k].sum(axis=1), relevant)


def ndcg(hits: Hits, relevant: Counts, k: int) -> Values:
    """Returns DCG / ideal DCG, `[n]`, where DCG is the sum over hits of 1 / log2(rank + 1), ranks counted from 1.

    The ideal ranking has min(held out, k) hits on top. Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation
    of IR techniques, ACM TOIS 20(4), 2002.
    """
    discounts = 1 / np.log2(np.arange(k) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(relevant, k)]
    return ratio(hits[:, :k] @ discounts, ideal)


def hit_rate(hits: Hits, relevant: Counts, k: int) -> Values:
    """Returns 1 if at least one of the first k books was held out, else 0, `[n]`; the mean is a share of users."""
    return ratio(hits[:, :k].any(axis=1), np.minimum(relevant, 1))


def reciprocal_rank(hits: Hits, relevant: Counts, k: int) -> Values:
    """Returns 1 / rank of the first hit, ranks counted from 1, or 0 without a hit within k, `[n]`; the mean is the MRR.

    Source: Voorhees, The TREC-8 question answering track report, TREC-8, 1999.
    """
    found = hits[:, :k]
    return ratio(found.any(axis=1) / (found.argmax(axis=1) + 1), np.minimum(relevant, 1))


def mean(values: npt.ArrayLike) -> float:
    """Returns the mean of the values that are not NaN; 0 without any."""
    every = np.asarray(values, np.float64)
    counted = every[~np.isnan(every)]
    return float(counted.mean()) if len(counted) else 0.0


def ratio(gained: npt.ArrayLike, possible: npt.ArrayLike) -> Values:
    """Returns float64 `[n]`: gained / possible, NaN where `possible` is 0."""
    gains, limits = np.asarray(gained, np.float64), np.asarray(possible, np.float64)
    return np.divide(gains, limits, out=np.full(gains.shape, np.nan), where=limits > 0)


ACCURACY: Final[dict[str, Callable[[Hits, Counts, int], Values]]] = {
    "recall": recall,
    "ndcg": ndcg,
    "hit_rate": hit_rate,
    "mrr": reciprocal_rank,
}
"""The metrics by the name of their mean in reports."""
