"""What each known reader has read, as the exported model holds it."""

import tensorflow as tf

from trainer.interactions import Histories


class ServedHistories(tf.Module):
    """The books of all readers, reader by reader, in one list of ids. An id of a reader below 0 stands for nobody."""

    def __init__(self, histories: Histories):
        """Takes all books that each reader is known to have read."""
        super().__init__()
        self._row_splits = tf.Variable(histories.row_splits, trainable=False, name="history_row_splits")
        self._books = tf.Variable(histories.books, trainable=False, name="history_books")

    def of(self, users: tf.Tensor) -> tf.RaggedTensor:
        """Returns int32 `[batch, (n)]`: ids of the books that each of `users` int64 `[batch]` has read."""
        places = tf.ragged.range(*self._spans(users))
        return places.with_values(tf.gather(self._books, places.flat_values))

    def longest(self, users: tf.Tensor) -> tf.Tensor:
        """Returns how many books the most active of `users` int64 `[batch]` has read; int64 scalar."""
        starts, ends = self._spans(users)
        return tf.reduce_max(tf.concat([tf.cast(ends - starts, tf.int64), [0]], axis=0))

    def _spans(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the places at which each reader's books begin and have ended; the same twice for nobody."""
        rows = tf.maximum(users, 0)
        starts = tf.gather(self._row_splits, rows)
        return starts, tf.where(users >= 0, tf.gather(self._row_splits, rows + 1), starts)
