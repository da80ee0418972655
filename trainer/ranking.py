"""Full ranking of all books for hold-out users, in blocks of users: bounded memory, one protocol for every scorer."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer import metrics
from trainer.interactions import Histories, Ids, row_entries
from transform.progress import track

# Scores in memory at a time, 4 bytes each.
BLOCK_SCORES: Final = 16_000_000
NO_BOOK: Final = -1

Scores = npt.NDArray[np.float32]

# [users] -> [users, books]
Scorer = Callable[[Ids], tf.Tensor]


class Rankings(NamedTuple):
    """The best books for some users, and which of them were held out."""

    users: Ids
    """`[n]`"""

    books: Ids
    """`[n, k]`, best first; `NO_BOOK` where none is left."""

    hits: npt.NDArray[np.bool_]
    """`[n, k]`: whether the book was held out."""

    relevant: Ids
    """`[n]`: how many books were held out."""


def rank(score: Scorer, users: Ids, training: Histories, heldout: Histories, books: int, k: int) -> Rankings:
    """Ranks all books for `users`, their training books left out, and compares with what was held out.

    Args:
      score: returns float `[users, books]` for int `[users]`; minus infinity: never recommended.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      books: how many books there are.
      k: length of the ranking; padded with `NO_BOOK` where there are fewer books.
    """
    ranked, hits = [np.zeros((0, k), np.int32)], [np.zeros((0, k), np.bool_)]
    for block in user_blocks(users, books):
        best = _best(score(block), block, training, k)
        ranked.append(best)
        hits.append(find_hits(best, block, heldout))
    return Rankings(users, np.concatenate(ranked), np.concatenate(hits), heldout.sizes()[users])


def mean_recall(score: Scorer, users: Ids, training: Histories, heldout: Histories, books: int, k: int) -> float:
    """Returns the mean Recall@k of a full ranking; see `rank`."""
    recalls = [recall(np.array(score(block)), block, training, heldout, k) for block in user_blocks(users, books)]
    return metrics.mean(np.concatenate([np.zeros(0), *recalls]))


def recall(scores: Scores, users: Ids, training: Histories, heldout: Histories, k: int) -> metrics.Values:
    """Returns `[n]`: the Recall@k of a full ranking, from where the held-out books stand in it: nothing is sorted.

    Args:
      scores: `[n, books]`; those of training books are overwritten.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      k: length of the ranking.
    """
    scores[row_entries(training, users)] = -np.inf
    rows, wanted = row_entries(heldout, users)
    found = [_place(scores[row], book) < k for row, book in zip(rows, wanted, strict=True)]
    return metrics.ratio(np.bincount(rows, found, len(users)), heldout.sizes()[users])


def user_blocks(users: Ids, books: int, models: int = 1) -> Iterator[Ids]:
    """Yields `users` in portions for which the scores of all books by some models may be in memory, and tells of it."""
    size = max(BLOCK_SCORES // max(books * models, 1), 1)
    with track("ranking", len(users), "readers") as further:
        for start in range(0, len(users), size):
            block = users[start : start + size]
            yield block
            further(len(block))


def find_hits(ranked: Ids, users: Ids, heldout: Histories) -> npt.NDArray[np.bool_]:
    """Returns `[n, k]`: whether each book was held out, by looking each pair up among the sorted ones.

    Args:
      ranked: `[n, k]` books; `NO_BOOK` is no hit.
      users: `[n]`, whom the books were ranked for.
      heldout: the books to find.
    """
    rows, relevant = row_entries(heldout, users)
    books = max(int(ranked.max(initial=0)), int(relevant.max(initial=0))) + 2
    wanted = rows.astype(np.int64) * books + relevant
    asked = np.arange(len(users), dtype=np.int64)[:, np.newaxis] * books + np.where(ranked < 0, books - 1, ranked)
    return np.isin(asked, wanted)


def _best(scores: tf.Tensor, users: Ids, training: Histories, k: int) -> Ids:
    seen = np.stack(row_entries(training, users), axis=1)
    scores = tf.tensor_scatter_nd_update(scores, seen, tf.fill([len(seen)], -np.inf))
    return top(scores, k)[1]


def _place(scores: Scores, book: int) -> float:
    """Returns how many books stand before `book`, of equals the first ones; infinity if it is never recommended."""
    own = scores[book]
    if not np.isfinite(own):
        return np.inf
    return float(np.count_nonzero(scores > own) + np.count_nonzero(scores[:book] == own))


def top(scores: tf.Tensor, k: int) -> tuple[npt.NDArray[np.float32], Ids]:
    """Returns the `[n, k]` best scores and their books; minus infinity and `NO_BOOK` where none is left."""
    values, places = (found.numpy() for found in tf.math.top_k(scores, min(k, int(scores.shape[1]))))
    missing = ((0, 0), (0, k - values.shape[1]))
    values = np.pad(values, missing, constant_values=-np.inf)
    places = np.pad(places, missing, constant_values=NO_BOOK)
    return values, np.where(np.isfinite(values), places, NO_BOOK)
