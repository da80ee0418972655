"""Rows that are answered in blocks get what they would get at once."""

import pytest
import tensorflow as tf

from trainer.export.row_blocks import BLOCK_NUMBERS, in_blocks, rows_of_a_block


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 8, 9])
@pytest.mark.parametrize("block_rows", [1, 2, 4, 8, 100])
def test_each_row_is_asked_about_once_and_in_order(rows: int, block_rows: int) -> None:
    values = tf.random.stateless_normal([rows, 3], seed=[1, 2])
    asked: list[tuple[int, int]] = []

    def block(begin: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        asked.append((int(begin), int(end)))
        return values[begin:end], tf.range(begin, end)

    sizes = tf.constant(rows, tf.int64), tf.constant(block_rows, tf.int64)
    same, places = in_blocks(block, *sizes, (tf.float32, tf.int64))
    tf.debugging.assert_equal(same, values)
    assert places.numpy().tolist() == list(range(rows))
    assert asked == [(begin, min(begin + block_rows, rows)) for begin in range(0, max(rows, 1), block_rows)]


@pytest.mark.parametrize(
    ("numbers", "rows"),
    [(0, BLOCK_NUMBERS), (1, BLOCK_NUMBERS), (57_000, 147), (BLOCK_NUMBERS, 1), (BLOCK_NUMBERS + 1, 1), (10**15, 1)],
)
def test_a_block_has_as_many_rows_as_it_can_hold_and_at_least_one(numbers: int, rows: int) -> None:
    assert int(rows_of_a_block(tf.constant(numbers, tf.int64))) == rows
