"""Readers' histories as variables of the exported model."""

import tensorflow as tf

from data.histories import Histories


class ServedHistories(tf.Module):
    """The book ids of all readers, in one flat list with row splits. A negative reader id has no books."""

    def __init__(self, histories: Histories):
        """Stores all books that each reader is known to have read."""
        super().__init__()
        self._row_splits = tf.Variable(histories.row_splits, trainable=False, name="history_row_splits")
        self._books = tf.Variable(histories.books, trainable=False, name="history_books")

    def of(self, users: tf.Tensor) -> tf.RaggedTensor:
        """Returns ragged int32 `[batch, (n)]`: ids of the books that each of `users` int64 `[batch]` has read."""
        places = tf.ragged.range(*self._spans(users))
        return places.with_values(tf.gather(self._books, places.flat_values))

    def longest(self, users: tf.Tensor) -> tf.Tensor:
        """Returns int64 scalar: length of the longest history of `users` int64 `[batch]`."""
        starts, ends = self._spans(users)
        return tf.reduce_max(tf.concat([tf.cast(ends - starts, tf.int64), [0]], axis=0))

    def _spans(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns where each reader's books start and end in the flat list; equal for a negative id."""
        rows = tf.maximum(users, 0)
        starts = tf.gather(self._row_splits, rows)
        return starts, tf.where(users >= 0, tf.gather(self._row_splits, rows + 1), starts)
