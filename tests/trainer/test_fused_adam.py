import numpy as np
import pytest
import tensorflow as tf

from trainer.fused_adam import FusedAdam

START = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
STEPS = [[0, 2, 0], [1], [2]]  # A row twice in a step; rows that rest while they still have momentum.


def loss(table: tf.Variable, rows: list[int]) -> tf.Tensor:
    return tf.reduce_sum(tf.square(tf.gather(table, rows)))


def test_it_is_adam_worked_out_in_numpy() -> None:
    table = tf.Variable(START)
    optimizer = FusedAdam(0.1)
    expected, mean, square = START.astype(np.float64), np.zeros((3, 2)), np.zeros((3, 2))
    for step, rows in enumerate(STEPS, start=1):
        with tf.GradientTape() as tape:
            value = loss(table, rows)
        [gradient] = tape.gradient(value, [table])
        assert isinstance(gradient, tf.IndexedSlices)
        optimizer.apply_gradients([(gradient, table)])

        dense = np.zeros((3, 2))
        for row in rows:
            dense[row] += 2 * expected[row]
        mean, square = 0.9 * mean + 0.1 * dense, 0.999 * square + 0.001 * dense**2
        expected -= 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)
        assert table.numpy() == pytest.approx(expected, rel=1e-5)


def test_it_goes_where_keras_goes() -> None:
    tables = []
    for optimizer in (FusedAdam(0.1), tf.keras.optimizers.Adam(0.1)):
        table = tf.Variable(START)
        for rows in STEPS * 5:
            with tf.GradientTape() as tape:
                value = loss(table, rows)
            optimizer.apply_gradients([(tape.gradient(value, table), table)])
        tables.append(table.numpy())
    assert tables[0] == pytest.approx(tables[1], rel=1e-4)
