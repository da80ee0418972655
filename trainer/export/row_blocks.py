"""Computes the answer to a request block by block of rows, to bound its memory."""

from collections.abc import Callable, Sequence
from typing import Final

import tensorflow as tf

# Maximum numbers in a block, for the scores of its rows or the histories of its readers: 32 MiB.
BLOCK_NUMBERS: Final = 8 * 2**20

Block = Callable[[tf.Tensor, tf.Tensor], Sequence[tf.Tensor]]


def rows_of_a_block(numbers: tf.Tensor) -> tf.Tensor:
    """Returns int64 scalar: number of rows in a block, at least one.

    Args:
      numbers: int64 scalar: how many numbers the largest row holds at a time.
    """
    return tf.maximum(BLOCK_NUMBERS // tf.maximum(numbers, 1), 1)


def in_blocks(block: Block, rows: tf.Tensor, block_rows: tf.Tensor, dtypes: Sequence[tf.DType]) -> list[tf.Tensor]:
    """Returns the tensors of `block` for all rows, computed one block after the other.

    Args:
      block: returns tensors for the rows from `begin` to before `end`, int64 scalars. The shapes of a tensor's blocks
        may differ only in the first axis.
      rows: int64 scalar: number of rows; for 0, `block` is called once with no rows.
      block_rows: int64 scalar: rows of each block, at least 1.
      dtypes: data types of the tensors.

    Returns:
      The tensors, concatenated along the first axis.
    """
    blocks = tf.maximum((rows + block_rows - 1) // block_rows, 1)
    size = tf.cast(blocks, tf.int32)
    found = [tf.TensorArray(dtype, size, infer_shape=False) for dtype in dtypes]

    def step(number: tf.Tensor, arrays: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
        begin = tf.cast(number, tf.int64) * block_rows
        parts = block(begin, tf.minimum(begin + block_rows, rows))
        return number + 1, [array.write(number, part) for array, part in zip(arrays, parts, strict=True)]

    # One after the other: parallel blocks would all take memory at once.
    _, found = tf.while_loop(lambda number, _: number < size, step, (tf.constant(0), found), parallel_iterations=1)
    return [array.concat() for array in found]
