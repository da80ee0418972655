"""An exact index: scores every book by brute force."""

import tensorflow as tf

from trainer.export.dequantised_table import LoadedTable
from trainer.export.quantised_table import StoredTable
from trainer.export.top_k import whole_blocks


class ExactIndex(tf.Module):
    """A brute-force index. Its table is transposed, `[embedding_dim, width]`: a product with few vectors reads it once.

    The width is the number of books, rounded up to whole blocks of `trainer.export.top_k`. So top-k can cut the scores
    into blocks without a copy. The columns beyond the books hold zeros.
    """

    def __init__(self, candidate_table: StoredTable):
        """Builds the index of the books' own vectors, `[books, embedding_dim]`."""
        super().__init__()
        books = len(candidate_table.integers)
        self.width = whole_blocks(books)
        self._table = LoadedTable(candidate_table, "candidate_table", columns=self.width)

    def scores(self, vectors: tf.Tensor, near: tf.Tensor | None = None) -> tf.Tensor:
        """Returns float `[batch, width]`: the dot products of `vectors` `[batch, embedding_dim]` with the books'.

        `near` matches `partitioned_index.PartitionedIndex.scores` and is ignored: this index scores every book.
        """
        del near
        return tf.matmul(vectors, self._table)

    def vectors(self, books: tf.Tensor) -> tf.Tensor:
        """Returns float `[n, embedding_dim]`: the vectors of `books` `[n]`, given as ids."""
        return tf.transpose(tf.gather(self._table, books, axis=1))
