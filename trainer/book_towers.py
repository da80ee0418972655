"""Two towers as tables: a reader's vector from the books that were read, a vector for every book."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.interactions import Histories, Ids, row_entries

Table = npt.NDArray[np.float32]


class BookTowers(NamedTuple):
    """A fitted pair of towers. The score of a reader and a book is the dot product of their vectors."""

    query_table: Table
    """`[books, embedding_dim]`: what each book adds to the vector of a reader who has read it."""

    candidate_table: Table
    """`[books, embedding_dim]`: the books' own vectors."""

    def queries(self, histories: Histories, users: Ids) -> tf.Tensor:
        """Returns float `[n, embedding_dim]`: the vectors of `users` `[n]` with these `histories`."""
        rows, books = row_entries(histories, users)
        return encode(self.query_table, rows, books, len(users))

    def scores(self, histories: Histories, users: Ids) -> tf.Tensor:
        """Returns float `[n, books]`: the scores of `users` `[n]` with every book."""
        return tf.matmul(self.queries(histories, users), self.candidate_table, transpose_b=True)


def encode(table: tf.Tensor, rows: tf.Tensor, books: tf.Tensor, readers: int | tf.Tensor) -> tf.Tensor:
    """Returns readers' vectors: the sum of the rows of the books read, brought to length 1.

    Args:
      table: float `[books, embedding_dim]`.
      rows: `[n]`: whose history each entry belongs to.
      books: `[n]`: the book of each entry.
      readers: how many readers there are.

    Returns:
      float `[readers, embedding_dim]`; zeros for a reader without books.
    """
    return tf.math.l2_normalize(tf.math.unsorted_segment_sum(tf.gather(table, books), rows, readers), axis=-1)
