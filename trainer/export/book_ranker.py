"""The exported model's variables and its ranking of books; `trainer.export.recommender` adds the signatures.

The model stores each book once and each reader's history as integer ids. It computes a reader's vector from the history
and leaves those books out, so a request need not send them. Answers are exact unless a partitioned index probes only
some cells.
"""

from typing import Final

import numpy as np
import tensorflow as tf

from data.histories import Histories
from trainer.export.dequantised_table import LoadedTable
from trainer.export.example_users import typical_users
from trainer.export.index import Index
from trainer.export.quantised_table import stored
from trainer.export.row_blocks import Block, in_blocks, rows_of_a_block
from trainer.export.served_histories import ServedHistories
from trainer.export.sparse_part import SparsePart
from trainer.export.top_k import NOTHING, top_k
from trainer.models.popularity import Popularity
from trainer.models.towers import SHORTEST, BookTowers, summed
from transform import features

Answer = dict[str, tf.Tensor]

Best = tuple[tf.Tensor, tf.Tensor]
"""The largest scores of some rows and the ids of their books, as `trainer.export.top_k.top_k` returns them."""

# Size of one non-zero of the sparse part while it is added, in numbers: two pairs of int64, indices, and a score.
NUMBERS_OF_A_LINK: Final = 12


class BookRanker(tf.Module):
    """Ranks all books by the scores of an index, one block of readers at a time."""

    def __init__(
        self,
        user_file: str,
        users: list[bytes],
        books: list[bytes],
        towers: BookTowers,
        histories: Histories,
        popularity: Popularity,
        top_k: int,
        index: Index,
    ):
        """Sets the module up.

        Args:
          user_file: text file with one pseudonym a line, in the order of ids; becomes an asset of the SavedModel.
          users: the same pseudonyms.
          books: the books, in the order of ids.
          towers: the fitted towers, which score a reader's history and a book.
          histories: all books that each user is known to have read.
          popularity: `[books]`: the scores for unknown users.
          top_k: number of books in an answer if the request sets no k.
          index: the index of the books' own vectors.
        """
        super().__init__()
        self._user_file = tf.saved_model.Asset(user_file)
        self._user_ids = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                self._user_file,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=features.OUT_OF_VOCABULARY,
        )
        # Not a text file: a book's name may contain a line break.
        self._book_ids = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(books), tf.range(len(books), dtype=tf.int64)),
            default_value=features.OUT_OF_VOCABULARY,
        )
        self._books = tf.Variable(books, trainable=False, name="books")
        self._query_table = LoadedTable(stored(towers.query_table), "query_table")
        self._index = index
        beyond = (0, self._index.width - len(books))
        self._sparse_part = SparsePart(towers.neighbours, len(books))
        self._embedding_dim = towers.query_table.shape[1]
        self._numbers_of_a_book = self._embedding_dim + NUMBERS_OF_A_LINK * self._sparse_part.most_links
        lengths = np.maximum(np.linalg.norm(stored(towers.candidate_table).restored(), axis=1), SHORTEST)
        self._candidate_lengths = tf.Variable(
            np.pad(lengths, beyond, constant_values=1), trainable=False, name="candidate_lengths"
        )
        self._histories = ServedHistories(histories)
        self._popularity = tf.Variable(np.pad(popularity, beyond), trainable=False, name="popularity")
        self._example_users = tf.Variable(typical_users(users, histories), trainable=False, name="example_users")
        self._top_k = top_k

    def _answer(self, best: Block, batch: tf.Tensor, read_at_most: tf.Tensor) -> Answer:
        """Returns the answer of books and scores, computed by `best` in blocks of rows.

        Args:
          best: returns `Best` of the rows from `begin` to before `end`.
          batch: int64 scalar: number of rows.
          read_at_most: int64 scalar: length of the longest history in the batch.
        """
        numbers = tf.maximum(read_at_most * self._numbers_of_a_book, self._index.width)
        values, books = in_blocks(best, batch, rows_of_a_block(numbers), (tf.float32, tf.int32))
        left = books == NOTHING
        names = tf.gather(self._books, tf.maximum(books, 0))
        return {
            features.SERVED_ISBN: tf.where(left, "", names),
            features.SERVED_SCORE: tf.where(left, features.FILLER_SCORE, values),
        }

    def _recommended(
        self,
        known: tf.Tensor,
        rows: tf.Tensor,
        read: tf.Tensor,
        out_rows: tf.Tensor,
        left_out: tf.Tensor,
        k: int | tf.Tensor,
    ) -> Best:
        """Returns the best `k` books by the readers' vectors, or the most popular ones for unknown users.

        Args:
          known: bool `[batch]`: False for unknown users.
          rows: int64 `[n]`: row of the reader of each book in `read`.
          read: int32 `[n]`: ids of the books read.
          out_rows: int64 `[m]`: row of the reader for whom each book in `left_out` is left out.
          left_out: int32 `[m]`: ids of books.
          k: number of books.
        """
        sums = summed(self._query_table, rows, read, tf.size(known))
        vectors = tf.math.l2_normalize(sums, axis=-1)
        if self._sparse_part.empty:
            products = self._index.scores(vectors)
        else:
            near, added = self._sparse_part.entries(rows, read, sums)
            products = tf.tensor_scatter_nd_add(self._index.scores(vectors, near), near, added)
        scores = tf.cond(
            tf.reduce_all(known),
            lambda: products,
            lambda: tf.where(known[:, tf.newaxis], products, self._popularity[tf.newaxis]),
        )
        return self._best(scores, out_rows, left_out, k)

    def _best(self, scores: tf.Tensor, rows: tf.Tensor, books: tf.Tensor, k: int | tf.Tensor) -> Best:
        """Returns the best `k` books by `scores` `[batch, width]`, leaving out `books` `[n]` in `rows` `[n]`."""
        places = tf.stack([rows, tf.cast(books, tf.int64)], axis=1)
        scores = tf.tensor_scatter_nd_update(scores, places, tf.fill(tf.shape(rows), -np.inf))
        return top_k(scores, k, self._books.shape[0])

    def _known_books(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns int64 `[m]` rows and int32 `[m]` ids of the known books among `ids` `[batch, n]`."""
        places = tf.where(ids >= 0)
        return places[:, 0], tf.cast(tf.gather_nd(ids, places), tf.int32)

    def _read(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns int64 `[m]` rows and int32 `[m]` ids of the books that readers `[batch]` have read."""
        read = self._histories.of(ids)
        return read.value_rowids(), read.flat_values
