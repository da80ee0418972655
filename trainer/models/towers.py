"""Two towers as tables: a user's vector is a sum over the books read, and every book has a vector of its own.

Both vectors may have a sparse part beside the dense one. A user's sparse part holds scores to add for a few books near
those read. A book's sparse part is 1 at the book itself and 0 elsewhere.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import tensorflow as tf

from data.histories import Histories, Ids, row_entries

Table = npt.NDArray[np.float32]

# The minimum length by which a vector is divided.
SHORTEST: Final = 1e-6


class BookTowers(NamedTuple):
    """A fitted pair of towers. The score of a user and a book is the dot product of their vectors."""

    query_table: Table
    """`[books, embedding_dim]`: what each book adds to the vector of a user who has read it."""

    candidate_table: Table
    """`[books, embedding_dim]`: the books' own vectors."""

    neighbours: sp.csr_matrix | None = None
    """float32 `[books, books]`: what each book adds to a user's sparse part; None: no sparse part."""

    def scores(self, histories: Histories, users: Ids) -> Table:
        """Returns float32 `[n, books]`: the scores of every book for `users` `[n]`, whose books `histories` holds."""
        sizes = histories.sizes()[users]
        _, books = row_entries(histories, users)
        splits = np.concatenate([[0], np.cumsum(sizes)])
        read = sp.csr_matrix((np.ones(len(books), np.float32), books, splits), (len(users), len(self.query_table)))
        # [n, books] @ [books, embedding_dim] -> [n, embedding_dim]
        sums = read @ self.query_table
        lengths = np.maximum(np.linalg.norm(sums, axis=1), SHORTEST)
        scores: Table = (sums / lengths[:, np.newaxis]) @ self.candidate_table.T
        if self.neighbours is not None:
            read.data /= np.repeat(lengths, sizes)
            near = (read @ self.neighbours).tocoo()
            scores[near.row, near.col] += near.data
        return scores


def summed(table: tf.Tensor, rows: tf.Tensor, books: tf.Tensor, readers: int | tf.Tensor) -> tf.Tensor:
    """Returns, for each reader, the sum of the table rows of the books read.

    Args:
      table: float `[books, embedding_dim]`.
      rows: `[n]`: the reader of each history entry.
      books: `[n]`: the book of each entry.
      readers: number of readers.

    Returns:
      float `[readers, embedding_dim]`; zeros for a reader without books. Divided by its length it is the reader's
      vector; a sparse part is divided by the same length.
    """
    return tf.math.unsorted_segment_sum(tf.gather(table, books), rows, readers)
