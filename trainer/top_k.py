"""The largest scores of each row, exactly, and faster than one sort over all of them.

A row is cut into blocks. Only the k blocks with the largest maxima can hold one of the k largest scores, and none of
those is below the k-th of these maxima: a full top-k runs over the maxima, and then over the few scores of the chosen
blocks that reach it.
"""

from typing import Final

import tensorflow as tf

BLOCK: Final = 64
NOTHING: Final = -1


def whole_blocks(columns: int) -> int:
    """Returns the least multiple of `BLOCK` from `columns` on."""
    return columns + -columns % BLOCK


def top_k(scores: tf.Tensor, k: int | tf.Tensor, columns: int | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest finite scores of each row and their columns, the first column first among equals.

    Args:
      scores: float `[rows, width]`; minus infinity never counts as one of the largest. A width that is no multiple of
        `BLOCK` costs a copy of them all.
      k: how many, from 0 on; more than there are columns if need be.
      columns: how many columns count, by less than `BLOCK` fewer than the width; whatever stands in the others is
        never answered. None: all of them.

    Returns:
      float `[rows, k]`, falling, and int32 `[rows, k]`; minus infinity and `NOTHING` where no score is left.
    """
    counted = tf.shape(scores)[1] if columns is None else tf.constant(columns)
    found = tf.minimum(k, counted)
    values, best = tf.cond(
        found * BLOCK < counted,
        lambda: _of_blocks(scores, found, counted),
        lambda: tuple(tf.math.top_k(scores[:, :counted], found)),
    )
    fill = [[0, 0], [0, k - found]]
    values = tf.pad(values, fill, constant_values=-float("inf"))
    best = tf.pad(best, fill, constant_values=NOTHING)
    return values, tf.where(tf.math.is_inf(values), NOTHING, best)


def _of_blocks(scores: tf.Tensor, k: tf.Tensor, columns: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest of the first `columns`, where there are more blocks of them than k."""
    rows, width = tf.unstack(tf.shape(scores))
    if scores.shape[1] is None or scores.shape[1] % BLOCK:
        scores = tf.pad(scores, [[0, 0], [0, -width % BLOCK]], constant_values=-float("inf"))
    blocks = tf.reshape(scores, [rows, -1, BLOCK])
    last = tf.reduce_max(scores[:, (columns - 1) // BLOCK * BLOCK : columns], axis=1, keepdims=True)
    maxima = tf.concat([tf.reduce_max(blocks, axis=2)[:, :-1], last], axis=1)
    largest, chosen = tf.math.top_k(maxima, k)
    # In the order of columns, so that the first of equals stays the first.
    chosen = tf.sort(chosen, axis=1)
    candidates = tf.reshape(tf.gather(blocks, chosen, batch_dims=1), [rows, k * BLOCK])
    # Not "at least as large": of scores that are no numbers, too few would be left.
    row, place = tf.unstack(tf.where(tf.logical_not(candidates < largest[:, k - 1 :])), axis=1)
    column = tf.gather_nd(chosen, tf.stack([row, place // BLOCK], axis=1)) * BLOCK + tf.cast(place % BLOCK, tf.int32)
    counted = column < columns
    row, place, column = (tf.boolean_mask(part, counted) for part in (row, place, column))
    values, best = _top_k_of_entries(row, tf.gather_nd(candidates, tf.stack([row, place], axis=1)), rows, k)
    return values, tf.gather(column, best)


def _top_k_of_entries(row: tf.Tensor, values: tf.Tensor, rows: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest of each row's `values` `[n]`, and int32 `[rows, k]`: where among them each stands.

    Args:
      row: int64 `[n]`, rising: whose each value is; every row has k of them.
      values: float `[n]`.
      rows: how many rows there are.
      k: how many.
    """
    counts = tf.math.bincount(tf.cast(row, tf.int32), minlength=rows, maxlength=rows)
    starts = tf.cumsum(counts, exclusive=True)
    slots = tf.range(tf.size(row)) - tf.gather(starts, row)
    empty = tf.fill([rows, tf.maximum(tf.reduce_max(counts), k)], -float("inf"))
    dense = tf.tensor_scatter_nd_update(empty, tf.stack([tf.cast(row, tf.int32), slots], axis=1), values)
    largest, places = tf.math.top_k(dense, k)
    return largest, places + starts[:, tf.newaxis]
