"""The largest scores of each row, exactly, and faster than one sort over all of them.

A row is cut into blocks. Only the k blocks with the largest maxima can hold one of the k largest scores, so that a
full top-k runs over the maxima and then over k blocks.
"""

from typing import Final

import tensorflow as tf

BLOCK: Final = 64
NOTHING: Final = -1


def top_k(scores: tf.Tensor, k: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest finite scores of each row and their columns, the first column first among equals.

    Args:
      scores: float `[rows, columns]`; minus infinity never counts as one of the largest.
      k: how many, from 0 on; more than there are columns if need be.

    Returns:
      float `[rows, k]`, falling, and int32 `[rows, k]`; minus infinity and `NOTHING` where no score is left.
    """
    columns = tf.shape(scores)[1]
    found = tf.minimum(k, columns)
    values, best = tf.cond(
        found * BLOCK < columns, lambda: _of_blocks(scores, found), lambda: tuple(tf.math.top_k(scores, found))
    )
    fill = [[0, 0], [0, k - found]]
    values = tf.pad(values, fill, constant_values=-float("inf"))
    best = tf.pad(best, fill, constant_values=NOTHING)
    return values, tf.where(tf.math.is_inf(values), NOTHING, best)


def _of_blocks(scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    rows, columns = tf.unstack(tf.shape(scores))
    padded = tf.pad(scores, [[0, 0], [0, -columns % BLOCK]], constant_values=-float("inf"))
    blocks = tf.reshape(padded, [rows, -1, BLOCK])
    # In the order of columns, so that the first of equals stays the first.
    chosen = tf.sort(tf.math.top_k(tf.reduce_max(blocks, axis=2), k, sorted=False).indices, axis=1)
    candidates = tf.reshape(tf.gather(blocks, chosen, batch_dims=1), [rows, k * BLOCK])
    values, places = tf.math.top_k(candidates, k)
    return values, tf.gather(chosen, places // BLOCK, batch_dims=1) * BLOCK + places % BLOCK
