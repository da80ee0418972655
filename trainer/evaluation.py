"""Full ranking of all books for hold-out users, in blocks of users: bounded memory, one protocol for every scorer."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import tensorflow as tf

from trainer import metrics
from trainer.interactions import Histories, Ids

BLOCK_USERS: Final = 1024
K: Final = 20

# [users] -> [users, books]
Scorer = Callable[[Ids], tf.Tensor]


def evaluate(score: Scorer, users: Ids, training: Histories, heldout: Histories, k: int = K) -> dict[str, float]:
    """Ranks all books for `users`, their training books left out, and compares with what was held out.

    Args:
      score: returns float `[users, books]` for int `[users]`.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      k: length of the ranking.

    Returns:
      `recall_at_k`, `ndcg_at_k` and `hit_rate_at_k`, averaged over users.
    """
    hits = np.concatenate(
        [np.zeros((0, k), np.bool_), *(_hits(score, b, training, heldout, k) for b in _blocks(users))]
    )
    relevant = heldout.sizes()[users]
    return {
        f"recall_at_{k}": metrics.recall(hits, relevant),
        f"ndcg_at_{k}": metrics.ndcg(hits, relevant),
        f"hit_rate_at_{k}": metrics.hit_rate(hits, relevant),
    }


def popularity_scorer(counts: np.ndarray) -> Scorer:
    """Returns the scorer that ranks books by how many training interactions they have, for everyone alike.

    Args:
      counts: `[books]`.
    """
    scores = tf.constant(counts, tf.float32)[tf.newaxis]
    return lambda users: tf.repeat(scores, len(users), axis=0)


def row_entries(histories: Histories, users: Ids) -> tuple[Ids, Ids]:
    """Returns the entries of some rows: `[n]` positions in `users`, and `[n]` books."""
    sizes = histories.sizes()[users]
    rows = np.repeat(np.arange(len(users), dtype=np.int32), sizes)
    starts = histories.row_splits[users] - (np.cumsum(sizes) - sizes)
    return rows, histories.books[np.repeat(starts, sizes) + np.arange(len(rows))]


def _blocks(users: Ids) -> Iterator[Ids]:
    for start in range(0, len(users), BLOCK_USERS):
        yield users[start : start + BLOCK_USERS]


def _hits(score: Scorer, users: Ids, training: Histories, heldout: Histories, k: int) -> metrics.Hits:
    scores = score(users)
    books = int(scores.shape[1])
    seen = np.stack(row_entries(training, users), axis=1)
    scores = tf.tensor_scatter_nd_update(scores, seen, tf.fill([len(seen)], -np.inf))
    values, ranked = tf.math.top_k(scores, min(k, books))
    rows, relevant = row_entries(heldout, users)
    is_relevant = np.zeros((len(users), books), np.bool_)
    is_relevant[rows, relevant] = True
    hits = np.take_along_axis(is_relevant, ranked.numpy(), axis=1) & np.isfinite(values.numpy())
    return np.pad(hits, ((0, 0), (0, k - hits.shape[1])))
