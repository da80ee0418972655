"""Recall of an approximate index against exact search."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import tensorflow as tf

from data.histories import Histories, Ids, row_entries
from evaluation.ranking import BLOCK_SCORES, NO_BOOK, Rankings
from trainer.export.index import Index
from trainer.models.towers import BookTowers, summed


def index_recall(index: Index, towers: BookTowers, histories: Histories, rankings: Rankings) -> npt.NDArray[np.float64]:
    """Returns `[n]`: the share of each user's best books that the index scores; 1 for a user without any.

    The index scores a book exactly or not at all. So this share of the k best books is its Recall@k against exact
    search, as measured for approximate nearest neighbours (Aumueller et al., ANN-Benchmarks, 2020).

    Args:
      index: the index of the candidate table of `towers`.
      towers: the fitted towers.
      histories: each user's books read.
      rankings: the best books by the exact scores of `towers`, without those read.
    """
    search = tf.function(index.scores, reduce_retracing=True)
    size = max(BLOCK_SCORES // index.width, 1)
    shares = [np.zeros(0)]
    for start in range(0, len(rankings.users), size):
        best = rankings.books[start : start + size]
        scores = _scores(search, towers, histories, rankings.users[start : start + size])
        scored = np.isfinite(np.take_along_axis(scores, np.maximum(best, 0), axis=1)) | (best == NO_BOOK)
        wanted = np.maximum((best != NO_BOOK).sum(axis=1), 1)
        shares.append(1 - (~scored).sum(axis=1) / wanted)
    return np.concatenate(shares)


def _scores(
    search: tf.types.experimental.GenericFunction, towers: BookTowers, histories: Histories, users: Ids
) -> npt.NDArray[np.float32]:
    rows, books = row_entries(histories, users)
    vectors = tf.math.l2_normalize(summed(towers.query_table, rows, books, len(users)), axis=-1)
    if towers.neighbours is None:
        return search(vectors).numpy()
    read = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, books)), (len(users), len(towers.query_table)))
    near = np.stack((read @ towers.neighbours).tocsr().nonzero(), axis=1).astype(np.int64)
    return search(vectors, tf.constant(near)).numpy()
