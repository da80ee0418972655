"""Exact top-k of each row, faster than one sort over the whole row.

A row is cut into blocks. Only the k blocks with the largest maxima can hold one of the k largest scores. None of
these scores is below the k-th maximum. So a full top-k runs over the maxima, then over the scores of the chosen blocks
that reach the k-th maximum.
"""

from typing import Final

import tensorflow as tf

BLOCK: Final = 64
NOTHING: Final = -1


def whole_blocks(columns: int) -> int:
    """Returns `columns` rounded up to a multiple of `BLOCK`."""
    return columns + -columns % BLOCK


def top_k(scores: tf.Tensor, k: int | tf.Tensor, columns: int | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest finite scores of each row and their columns; the lower column breaks ties.

    Args:
      scores: float `[rows, width]`; minus infinity is never returned as a score. A width that is not a multiple of
        `BLOCK` costs a copy of the scores.
      k: number of scores, at least 0; may exceed the number of columns.
      columns: number of leading columns to search, less than `BLOCK` below the width; the others are ignored. None:
        all columns.

    Returns:
      float `[rows, k]`, descending, and int32 `[rows, k]`; minus infinity and `NOTHING` where no score is left.
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
    """Returns the `k` largest of the first `columns`, which must span more than `k` blocks."""
    rows, width = tf.unstack(tf.shape(scores))
    if scores.shape[1] is None or scores.shape[1] % BLOCK:
        scores = tf.pad(scores, [[0, 0], [0, -width % BLOCK]], constant_values=-float("inf"))
    blocks = tf.reshape(scores, [rows, -1, BLOCK])
    last = tf.reduce_max(scores[:, (columns - 1) // BLOCK * BLOCK : columns], axis=1, keepdims=True)
    maxima = tf.concat([tf.reduce_max(blocks, axis=2)[:, :-1], last], axis=1)
    largest, chosen = tf.math.top_k(maxima, k)
    # In column order, so that the lower column still breaks ties.
    chosen = tf.sort(chosen, axis=1)
    candidates = tf.reshape(tf.gather(blocks, chosen, batch_dims=1), [rows, k * BLOCK])
    # Not `>=`: with NaN scores it would leave fewer than k.
    row, place = tf.unstack(tf.where(tf.logical_not(candidates < largest[:, k - 1 :])), axis=1)
    column = tf.gather_nd(chosen, tf.stack([row, place // BLOCK], axis=1)) * BLOCK + tf.cast(place % BLOCK, tf.int32)
    counted = column < columns
    row, place, column = (tf.boolean_mask(part, counted) for part in (row, place, column))
    values, best = _top_k_of_entries(row, tf.gather_nd(candidates, tf.stack([row, place], axis=1)), rows, k)
    return values, tf.gather(column, best)


def _top_k_of_entries(row: tf.Tensor, values: tf.Tensor, rows: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `k` largest of each row's `values` `[n]`, and int32 `[rows, k]`: their positions in `values`.

    Args:
      row: int64 `[n]`, ascending: row of each value; every row has at least `k` values.
      values: float `[n]`.
      rows: number of rows.
      k: number of values to return for each row.
    """
    counts = tf.math.bincount(tf.cast(row, tf.int32), minlength=rows, maxlength=rows)
    starts = tf.cumsum(counts, exclusive=True)
    slots = tf.range(tf.size(row)) - tf.gather(starts, row)
    empty = tf.fill([rows, tf.maximum(tf.reduce_max(counts), k)], -float("inf"))
    dense = tf.tensor_scatter_nd_update(empty, tf.stack([tf.cast(row, tf.int32), slots], axis=1), values)
    largest, places = tf.math.top_k(dense, k)
    return largest, places + starts[:, tf.newaxis]
