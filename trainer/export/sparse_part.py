"""The sparse part of readers' vectors in TensorFlow operations: scores added for neighbours of the books read."""

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.models.towers import SHORTEST


class SparsePart(tf.Module):
    """The sparse item-item matrix: the score that each book read adds to its neighbours."""

    def __init__(self, neighbours: sp.csr_matrix | None, books: int):
        """Stores `trainer.models.towers.BookTowers.neighbours`, `[books, books]`; None: an empty matrix."""
        super().__init__()
        if neighbours is None:
            neighbours = sp.csr_matrix((books, books))
        self.empty = neighbours.nnz == 0
        self.most_links = int(np.diff(neighbours.indptr).max(initial=0))
        self._book_count = books
        self._splits = tf.Variable(neighbours.indptr, trainable=False, name="neighbour_splits", dtype=tf.int32)
        self._books = tf.Variable(neighbours.indices, trainable=False, name="neighbour_books", dtype=tf.int32)
        self._scores = tf.Variable(neighbours.data, trainable=False, name="neighbour_scores", dtype=tf.float32)

    def at_most(self, read: tf.Tensor) -> tf.Tensor:
        """Returns the maximum number of neighbours of `read` books, both int64 scalars."""
        return tf.minimum(read * self.most_links, self._book_count)

    def entries(self, rows: tf.Tensor, read: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns int64 `[m, 2]` pairs of reader and book, which may repeat, and float `[m]`: the score of each pair.

        Args:
          rows: int64 `[n]`, ascending: row of the reader of each book in `read`.
          read: int32 `[n]`: ids of the books read.
          sums: float `[batch, embedding_dim]`: the readers' dense parts before normalisation to length 1.
        """
        links = tf.ragged.range(tf.gather(self._splits, read), tf.gather(self._splits, read + 1))
        readers = tf.gather(rows, links.value_rowids())
        books = tf.cast(tf.gather(self._books, links.flat_values), tf.int64)
        lengths = tf.maximum(tf.norm(sums, axis=-1), SHORTEST)
        scores = tf.gather(self._scores, links.flat_values) / tf.gather(lengths, readers)
        return tf.stack([readers, books], axis=1), scores

    def by_reader(self, rows: tf.Tensor, read: tf.Tensor, sums: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
        """Returns ragged int64 `[batch, (m)]`: each reader's distinct neighbours; and float `[total]`: their scores.

        The arguments are those of `entries`.
        """
        places, added = self.entries(rows, read, sums)
        pairs, slots = tf.unique(places[:, 0] * self._book_count + places[:, 1])
        scores = tf.math.unsorted_segment_sum(added, slots, tf.size(pairs))
        books = tf.RaggedTensor.from_value_rowids(
            pairs % self._book_count, pairs // self._book_count, tf.shape(sums, tf.int64)[0]
        )
        return books, scores
