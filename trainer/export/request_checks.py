"""Checks on a request to the exported model. A failing check names the input in its message."""

from typing import Final

import tensorflow as tf

from transform import features

# Maximum rows times books, and rows times vector width: a larger request is refused before it takes memory.
MOST_ANSWERS: Final = 4_000_000
MOST_NUMBERS: Final = 16_000_000


def check_same_batch(first: tf.Tensor, second: tf.Tensor, name: str) -> tf.Operation:
    """Returns an operation that fails unless `second`, the input `name`, has as many rows as `first`."""
    message = f"{name} must have one row for each row of the other inputs"
    return tf.debugging.assert_equal(tf.shape(first)[0], tf.shape(second)[0], message=message)


def check_answers(rows: tf.Tensor, width: int | tf.Tensor) -> tf.Operation:
    """Returns an operation that fails if `rows` x `width`, int64 scalars, exceeds `MOST_ANSWERS`."""
    message = f"the rows of the request times the books of the longest answer must be at most {MOST_ANSWERS}"
    return tf.debugging.assert_less_equal(rows * width, tf.constant(MOST_ANSWERS, tf.int64), message=message)


def check_numbers(rows: tf.Tensor, width: int) -> tf.Operation:
    """Returns an operation that fails if `rows` vectors, int64 scalar, of `width` numbers exceed `MOST_NUMBERS`."""
    message = f"the rows of the request must be at most {MOST_NUMBERS // width}"
    return tf.debugging.assert_less_equal(rows, tf.constant(MOST_NUMBERS // width, tf.int64), message=message)


def asked_width(k: tf.Tensor, asked: tf.Tensor) -> tf.Tensor:
    """Returns the largest of `k`, 0 for an empty batch.

    Args:
      k: int32 `[batch]`: number of books for each row.
      asked: `[batch]`: the input that `k` belongs to.

    Returns:
      int32 scalar. Its checks fail if `k` and `asked` differ in rows, or a k is not from 1 to
      `features.MOST_BOOKS_ASKED`. They also fail if rows times the largest k exceed `MOST_ANSWERS`.
    """
    width = tf.reduce_max(tf.concat([k, [0]], axis=0))
    range_message = f"{features.SERVED_K} must be from 1 to {features.MOST_BOOKS_ASKED}"
    checks = [
        check_same_batch(asked, k, features.SERVED_K),
        tf.debugging.assert_positive(k, message=range_message),
        tf.debugging.assert_less_equal(k, features.MOST_BOOKS_ASKED, message=range_message),
        check_answers(tf.size(k, tf.int64), tf.cast(width, tf.int64)),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(width)


def within(k: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Returns bool `[batch, width]`: True for the first `k` `[batch]` places of each row."""
    return tf.range(width)[tf.newaxis] < k[:, tf.newaxis]
