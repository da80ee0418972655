"""An inverted-file index: cells of books' vectors, of which only the nearest are probed; for over a million books."""

from typing import Final, NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.cluster import MiniBatchKMeans

from data.histories import Ids
from trainer.export.dequantised_table import LoadedTable
from trainer.export.quantised_table import StoredTable
from trainer.export.top_k import whole_blocks
from trainer.models.towers import Table

# k-means: books sampled per cell, books in a mini-batch, and passes over the sample.
FITTED_BOOKS: Final = 64
STEP_BOOKS: Final = 8_192
PASSES: Final = 3


class Partition(NamedTuple):
    """Cells in the lifted space, where the nearest neighbour has the largest dot product."""

    centres: Table
    """`[cells, embedding_dim + 1]`"""

    cells: Ids
    """`[books]`: the cell of each book."""


def partition(candidate_table: Table, cells: int, seed: int) -> Partition:
    """Returns the cells of the books, found by k-means.

    Each vector v gets one more coordinate, √(M² - |v|²), where M is the largest norm. All lifted vectors then have norm
    M, so the nearest book has the largest dot product with a reader's vector. Source: Bachrach et al., Speeding up the
    Xbox recommender system using a Euclidean transformation for inner-product spaces, RecSys 2014.

    Args:
      candidate_table: float `[books, embedding_dim]`.
      cells: number of cells, at most the number of books.
      seed: seed of the sample of books and of the initial centres.
    """
    squares = np.einsum("bd,bd->b", candidate_table, candidate_table)
    lifted = np.column_stack([candidate_table, np.sqrt(squares.max() - squares)]).astype(np.float32)
    means = MiniBatchKMeans(
        cells, init="random", max_iter=PASSES, batch_size=STEP_BOOKS, n_init=1, random_state=seed, compute_labels=False
    )
    size = min(len(lifted), FITTED_BOOKS * cells)
    means.fit(lifted[np.random.default_rng(seed).choice(len(lifted), size, replace=False)])
    return Partition(means.cluster_centers_.astype(np.float32), means.predict(lifted).astype(np.int32))


class PartitionedIndex(tf.Module):
    """Scores the books of the cells nearest to a reader, and books that the caller names; these scores are exact.

    The table is sorted by cell, so that a cell's vectors are read in order.
    """

    def __init__(self, candidate_table: StoredTable, cells: int, probed_cells: int, seed: int):
        """Sets the index up.

        Args:
          candidate_table: the books' own vectors, `[books, embedding_dim]`.
          cells: number of cells.
          probed_cells: number of cells probed for each reader; the answer is exact if all are probed.
          seed: seed of the partition into cells.
        """
        super().__init__()
        books = len(candidate_table.integers)
        self.width = whole_blocks(books)
        cells = min(cells, books)
        self._probed = min(probed_cells, cells)
        centres, cell = partition(candidate_table.restored(), cells, seed)
        order = np.argsort(cell, kind="stable").astype(np.int32)
        places = np.empty_like(order)
        places[order] = np.arange(books, dtype=np.int32)
        splits = np.searchsorted(cell[order], np.arange(cells + 1)).astype(np.int32)
        offsets = -np.einsum("cd,cd->c", centres, centres) / 2
        self._centres = tf.Variable(np.ascontiguousarray(centres[:, :-1].T), trainable=False, name="cell_centres")
        self._offsets = tf.Variable(offsets, trainable=False, name="cell_offsets")
        self._splits = tf.Variable(splits, trainable=False, name="cell_splits")
        by_cell = StoredTable(candidate_table.integers[order], candidate_table.scales[order])
        self._table = LoadedTable(by_cell, "candidate_table")
        self._books = tf.Variable(order, trainable=False, name="books_by_place")
        self._places = tf.Variable(places, trainable=False, name="places_by_book")

    def scores(self, vectors: tf.Tensor, near: tf.Tensor | None = None) -> tf.Tensor:
        """Returns float `[batch, width]`: the dot products with the books; minus infinity for books not scored.

        Args:
          vectors: float `[batch, embedding_dim]`.
          near: int64 `[n, 2]`: pairs of row, ascending, and book that are always scored; may repeat.
        """
        cells = tf.reshape(self._nearest_cells(vectors), [-1])
        spans = tf.ragged.range(tf.gather(self._splits, cells), tf.gather(self._splits, cells + 1))
        nothing = tf.fill([tf.shape(vectors)[0], self.width], -float("inf"))
        scores = self._scored(nothing, vectors, spans.value_rowids() // self._probed, spans.flat_values)
        if near is None:
            return scores
        return self._scored(scores, vectors, near[:, 0], tf.gather(self._places, near[:, 1]))

    def vectors(self, books: tf.Tensor) -> tf.Tensor:
        """Returns float `[n, embedding_dim]`: the vectors of `books` `[n]`, given as ids."""
        return tf.gather(self._table, tf.gather(self._places, books))

    def _nearest_cells(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns int32 `[batch, probed_cells]`: the cells nearest to each of `vectors`, unordered."""
        # The nearest cell minimises |(v, 0) - c|² = |v|² - 2 v·c + |c|².
        nearness = tf.matmul(vectors, self._centres) + self._offsets
        return tf.math.top_k(nearness, self._probed, sorted=False).indices

    def _scored(self, scores: tf.Tensor, vectors: tf.Tensor, rows: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Returns `scores` after writing the dot products of `vectors` in `rows` with the books at `places`.

        It runs reader by reader: the vectors of all readers' books may exceed a server's memory.

        Args:
          scores: float `[batch, width]`.
          vectors: float `[batch, embedding_dim]`.
          rows: int64 `[n]`, ascending: rows of the batch.
          places: int32 `[n]`: rows of the table.
        """
        table = tf.convert_to_tensor(self._table)
        by_row = tf.RaggedTensor.from_value_rowids(places, rows, tf.shape(vectors, tf.int64)[0], validate=False)
        products = tf.map_fn(
            lambda one: tf.linalg.matvec(tf.gather(table, one[1]), one[0]),
            (vectors, by_row),
            fn_output_signature=tf.RaggedTensorSpec([None], tf.float32, 0),
        )
        books = tf.stack([tf.cast(rows, tf.int32), tf.gather(self._books, places)], axis=1)
        return tf.tensor_scatter_nd_update(scores, books, products.flat_values)
