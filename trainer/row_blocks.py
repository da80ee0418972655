"""Answers to a request, worked out for some rows at a time: the memory that a request takes is bounded."""

from collections.abc import Callable, Sequence
from typing import Final

import tensorflow as tf

# Numbers that a block may hold for the scores of its rows, or for what its readers have read: 32 MiB.
BLOCK_NUMBERS: Final = 8 * 2**20

Block = Callable[[tf.Tensor, tf.Tensor], Sequence[tf.Tensor]]


def rows_of_a_block(numbers: tf.Tensor) -> tf.Tensor:
    """Returns how many rows a block has, at least one; int64 scalar.

    Args:
      numbers: int64 scalar: what the largest row holds at a time.
    """
    return tf.maximum(BLOCK_NUMBERS // tf.maximum(numbers, 1), 1)


def in_blocks(block: Block, rows: tf.Tensor, block_rows: tf.Tensor, dtypes: Sequence[tf.DType]) -> list[tf.Tensor]:
    """Returns what `block` returns for all rows, one block after the other.

    Args:
      block: returns tensors for the rows from `begin` to before `end`, int64 scalars. All blocks of a tensor are alike
        but for the first axis.
      rows: int64 scalar: how many there are; for none, `block` is asked once about none.
      block_rows: int64 scalar: rows of each block, from 1 on.
      dtypes: of the tensors.

    Returns:
      The tensors, along the first axis.
    """
    blocks = tf.maximum((rows + block_rows - 1) // block_rows, 1)
    size = tf.cast(blocks, tf.int32)
    found = [tf.TensorArray(dtype, size, infer_shape=False) for dtype in dtypes]

    def step(number: tf.Tensor, arrays: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
        begin = tf.cast(number, tf.int64) * block_rows
        parts = block(begin, tf.minimum(begin + block_rows, rows))
        return number + 1, [array.write(number, part) for array, part in zip(arrays, parts, strict=True)]

    # One after the other: blocks at the same time would take the memory of all of them.
    _, found = tf.while_loop(lambda number, _: number < size, step, (tf.constant(0), found), parallel_iterations=1)
    return [array.concat() for array in found]
