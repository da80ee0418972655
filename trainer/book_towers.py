"""Two towers as tables: a reader's vector from the books that were read, a vector for every book.

Both vectors may have a sparse part beside the dense one: a reader's then says outright what a few books, near to those
read, get on top; a book's own is 1 at the book itself and 0 elsewhere.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import tensorflow as tf

from trainer.interactions import Histories, Ids, row_entries

Table = npt.NDArray[np.float32]

# The least length by which a vector is divided.
SHORTEST: Final = 1e-6


class BookTowers(NamedTuple):
    """A fitted pair of towers. The score of a reader and a book is the dot product of their vectors."""

    query_table: Table
    """`[books, embedding_dim]`: what each book adds to the vector of a reader who has read it."""

    candidate_table: Table
    """`[books, embedding_dim]`: the books' own vectors."""

    neighbours: sp.csr_matrix | None = None
    """float32 `[books, books]`: what each book adds to the sparse part; None: there is none."""

    def scores(self, histories: Histories, users: Ids) -> Table:
        """Returns float32 `[n, books]`: the scores of `users` `[n]`, who have these `histories`, with every book."""
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
    """Returns the sum of the rows of the books read, for each reader.

    Args:
      table: float `[books, embedding_dim]`.
      rows: `[n]`: whose history each entry belongs to.
      books: `[n]`: the book of each entry.
      readers: how many readers there are.

    Returns:
      float `[readers, embedding_dim]`; zeros for a reader without books. Brought to length 1 it is the reader's vector,
      and what it is divided by, a sparse part is divided by too.
    """
    return tf.math.unsorted_segment_sum(tf.gather(table, books), rows, readers)
