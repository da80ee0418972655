"""What the exported model holds and how it ranks books by that; `trainer.recommender` makes signatures of it.

It holds every book once, and every reader's books as integer ids: from them come a reader's vector, and what to leave
out. Nobody has to send what a reader has read. All answers are exact, unless the index is told to look into some cells.
"""

from typing import Final

import numpy as np
import tensorflow as tf

from trainer.book_towers import SHORTEST, BookTowers, summed
from trainer.index import Index
from trainer.interactions import Histories
from trainer.loaded_table import LoadedTable
from trainer.popularity import Popularity
from trainer.row_blocks import Block, in_blocks, rows_of_a_block
from trainer.served_histories import ServedHistories
from trainer.sparse_part import SparsePart
from trainer.stored_table import stored
from trainer.top_k import NOTHING, top_k
from trainer.typical_users import typical_users
from transform import features

Answer = dict[str, tf.Tensor]

Best = tuple[tf.Tensor, tf.Tensor]
"""The largest scores of some rows and the ids of their books: what `trainer.top_k.top_k` returns."""

# What a link of the sparse part holds while it is added: two pairs of int64, places, and a score.
NUMBERS_OF_A_LINK: Final = 12


class BookRanker(tf.Module):
    """Ranks all books for some readers at a time, by the scores of an index."""

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
          user_file: text file with a pseudonym a line, in the order of ids; becomes an asset of the SavedModel.
          users: the same pseudonyms.
          books: the books, in the order of ids.
          towers: what scores a reader's history and a book.
          histories: all books that each user is known to have read.
          popularity: `[books]`: by what strangers are recommended books.
          top_k: how many books an answer has where the request does not say.
          index: the books' own vectors.
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
        # No file of lines: a book's name may hold a line break.
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
        """Returns the books and scores of `best`, which is asked for some rows at a time.

        Args:
          best: returns `Best` of the rows from `begin` to before `end`.
          batch: int64 scalar: how many rows there are.
          read_at_most: int64 scalar: the most books that a row has read.
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
        """Returns the best `k` books by the vectors of what was read, or the most popular ones for the unknown.

        Args:
          known: bool `[batch]`.
          rows: int64 `[n]`: whose each book read is.
          read: int32 `[n]`, ids of books.
          out_rows: int64 `[m]`: for whom each book is left out.
          left_out: int32 `[m]`, ids of books.
          k: how many.
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
        """Returns the best `k` books by `scores` `[batch, width]`, without the `books` `[n]` of `rows`."""
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
