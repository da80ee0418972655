"""All books' vectors in one table, from which every book is scored."""

import tensorflow as tf

from trainer.loaded_table import LoadedTable
from trainer.stored_table import StoredTable
from trainer.top_k import whole_blocks


class ExactIndex(tf.Module):
    """Brute force. The table stands transposed, `[embedding_dim, width]`: a product with a few vectors reads it once.

    The width is the number of books brought up to whole blocks of `trainer.top_k`, so that nobody has to copy
    the scores to cut them into blocks. The columns beyond the books hold zeros.
    """

    def __init__(self, candidate_table: StoredTable):
        """Takes the books' own vectors, `[books, embedding_dim]`."""
        super().__init__()
        books = len(candidate_table.integers)
        self.width = whole_blocks(books)
        self._table = LoadedTable(candidate_table, "candidate_table", columns=self.width)

    def scores(self, vectors: tf.Tensor, near: tf.Tensor | None = None) -> tf.Tensor:
        """Returns float `[batch, width]`, the products of `vectors` `[batch, embedding_dim]` with the books'.

        `near` is what `trainer.partitioned_index.PartitionedIndex.scores` takes; here every book is scored anyway.
        """
        del near
        return tf.matmul(vectors, self._table)

    def vectors(self, books: tf.Tensor) -> tf.Tensor:
        """Returns float `[n, embedding_dim]`: the vectors of `books` `[n]`, ids."""
        return tf.transpose(tf.gather(self._table, books, axis=1))
