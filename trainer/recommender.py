"""What is exported: a module of plain TensorFlow operations that turns pseudonyms into books.

It holds every book once, and every reader's books as integer ids: from them come a reader's vector, and what to leave
out. Nobody has to send what a reader has read.
"""

from typing import Final

import numpy as np
import tensorflow as tf

from trainer.book_towers import BookTowers, encode
from trainer.interactions import Histories
from transform import features

EXAMPLE_USERS: Final = 12
EXAMPLE_SIZES: Final = (5, 30)


class Recommender(tf.Module):
    """Brute force over all books: exact, and the books that a reader has read are left out."""

    def __init__(
        self,
        user_file: str,
        users: list[bytes],
        books: list[bytes],
        towers: BookTowers,
        histories: Histories,
        book_counts: np.ndarray,
        top_k: int,
    ):
        """Sets the module up.

        Args:
          user_file: text file with a pseudonym a line, in the order of ids; becomes an asset of the SavedModel.
          users: the same pseudonyms.
          books: the books, in the order of ids.
          towers: what scores a reader's history and a book.
          histories: all books that each user is known to have read.
          book_counts: `[books]`: training interactions.
          top_k: how many books an answer has; fewer if there are fewer.
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
        self._books = tf.Variable(books, trainable=False, name="books")
        self._query_table = tf.Variable(towers.query_table, trainable=False, name="query_table")
        self._candidate_table = tf.Variable(towers.candidate_table, trainable=False, name="candidate_table")
        self._row_splits = tf.Variable(histories.row_splits, trainable=False, name="history_row_splits")
        self._history = tf.Variable(histories.books, trainable=False, name="history_books")
        self._popularity = tf.Variable(
            (book_counts / max(len(users), 1)).astype(np.float32), trainable=False, name="popularity"
        )
        self._example_users = tf.Variable(_typical_users(users, histories), trainable=False, name="example_users")
        self._k = min(top_k, len(books))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=features.SERVED_USER_ID)])
    def recommend(self, user_id: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the best books for each reader.

        A reader without an id gets the most popular books: those with the most training interactions, the one with the
        smaller id first where they are equal.

        Args:
          user_id: string `[batch]`, pseudonyms.

        Returns:
          `isbn` string `[batch, k]`, `""` where no book is left; `score` float `[batch, k]`, minus infinity there;
          `known_user` bool `[batch]`.
        """
        ids = self._user_ids.lookup(user_id)
        known = ids >= 0
        entries = self._entries(ids)
        rows, read = entries.value_rowids(), tf.gather(self._history, entries.flat_values)
        queries = encode(self._query_table, rows, read, tf.shape(ids)[0])
        products = tf.matmul(queries, self._candidate_table, transpose_b=True)
        scores = tf.where(known[:, tf.newaxis], products, self._popularity[tf.newaxis])
        seen = tf.stack([rows, tf.cast(read, tf.int64)], axis=1)
        left_out = tf.fill(tf.shape(seen)[:1], -np.inf)
        best, books = tf.math.top_k(tf.tensor_scatter_nd_update(scores, seen, left_out), self._k)
        return {
            features.SERVED_ISBN: tf.where(tf.math.is_finite(best), tf.gather(self._books, books), ""),
            features.SERVED_SCORE: best,
            features.SERVED_KNOWN_USER: known,
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def read_books(self, user_id: tf.Tensor) -> tf.Tensor:
        """Returns string `[batch, n]`: what each reader has read, `""` as padding. For people who look at the model.

        It is no signature: a service has no need of it.
        """
        entries = self._entries(self._user_ids.lookup(user_id))
        return entries.with_values(tf.gather(self._books, tf.gather(self._history, entries.flat_values))).to_tensor("")

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def example_users(self, count: tf.Tensor) -> tf.Tensor:
        """Returns string `[count]`: pseudonyms of readers to look at, at most a dozen. No signature either."""
        return self._example_users[:count]

    def _entries(self, ids: tf.Tensor) -> tf.RaggedTensor:
        """Returns, for each reader, the places in the histories at which the reader's books stand; none if unknown."""
        rows = tf.maximum(ids, 0)
        starts = tf.gather(self._row_splits, rows)
        ends = tf.where(ids >= 0, tf.gather(self._row_splits, rows + 1), starts)
        return tf.ragged.range(starts, ends)


def _typical_users(users: list[bytes], histories: Histories) -> list[bytes]:
    """Returns readers with a history that fits on a screen, spread over the activity of such readers."""
    sizes = histories.sizes()
    typical = np.flatnonzero((sizes >= EXAMPLE_SIZES[0]) & (sizes <= EXAMPLE_SIZES[1]))
    if len(typical) < EXAMPLE_USERS:
        typical = np.flatnonzero(sizes)
    spread = np.unique(np.linspace(0, len(typical) - 1, min(EXAMPLE_USERS, len(typical))).astype(np.int64))
    middle_first = np.argsort(np.abs(spread - len(typical) // 2), kind="stable")
    return [users[user] for user in typical[spread[middle_first]]]
