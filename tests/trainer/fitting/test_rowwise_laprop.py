import numpy as np
import pytest
import tensorflow as tf

from trainer.fitting.rowwise_laprop import RowwiseLaProp

START = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)


def step(optimizer: tf.keras.optimizers.legacy.Optimizer, table: tf.Variable, rows: list[int]) -> None:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(tf.gather(table, rows)))
    gradient = tape.gradient(loss, table)
    assert isinstance(gradient, tf.IndexedSlices)
    optimizer.apply_gradients([(gradient, table)])


def state(optimizer: RowwiseLaProp, table: tf.Variable) -> list[np.ndarray]:
    return [table.numpy(), optimizer.get_slot(table, "m").numpy(), optimizer.get_slot(table, "v").numpy()]


def test_it_is_laprop_worked_out_in_numpy_for_the_named_rows_alone() -> None:
    """A row twice in a step, whose gradients are summed; rows that rest while they still have momentum."""
    table, optimizer = tf.Variable(START), RowwiseLaProp(0.1, distinct_rows=False)
    expected, mean, square = START.astype(np.float64), np.zeros((3, 2)), np.zeros((3, 2))
    for number, rows in enumerate([[0, 2, 0], [1], [2, 1], [0]], start=1):
        step(optimizer, table, rows)
        for row in set(rows):
            gradient = rows.count(row) * 2 * expected[row]
            square[row] = 0.999 * square[row] + 0.001 * gradient**2
            scaled = gradient / np.sqrt(square[row] / (1 - 0.999**number))
            mean[row] = 0.9 * mean[row] + 0.1 * 0.1 / (1 - 0.9**number) * scaled
            expected[row] -= mean[row]
        assert table.numpy() == pytest.approx(expected, rel=1e-5)


def test_its_first_step_is_that_of_adam() -> None:
    tables = []
    for optimizer in (RowwiseLaProp(0.1, distinct_rows=False), tf.keras.optimizers.legacy.Adam(0.1)):
        table = tf.Variable(START)
        step(optimizer, table, [2, 0])
        tables.append(table.numpy())
    assert tables[0] == pytest.approx(tables[1], rel=1e-6)
    assert np.abs(tables[0] - START)[[0, 2]].min() > 0.09


def test_the_size_of_a_gradient_does_not_matter_and_none_moves_nothing() -> None:
    for size in (1e-6, 1.0, 1e6, 0.0):
        table, optimizer = tf.Variable(START), RowwiseLaProp(0.1, distinct_rows=True)
        for _ in range(3):
            gradient = tf.IndexedSlices(tf.constant([[size, -size]]), tf.constant([1]), [3, 2])
            optimizer.apply_gradients([(gradient, table)])
        moved = table.numpy() - START
        assert (moved[[0, 2]] == 0).all()
        assert moved[1] == pytest.approx([0, 0] if size == 0 else [-moved[1, 1], moved[1, 1]], rel=1e-3)
        assert (moved[1, 1] > 0.1) == (size > 0)


def test_rows_that_a_step_does_not_name_stay_bit_for_bit_with_their_moments() -> None:
    table, optimizer = tf.Variable(START), RowwiseLaProp(0.1, distinct_rows=False)
    step(optimizer, table, [0, 1, 2])
    before = state(optimizer, table)
    assert np.abs(before[1]).min() > 0
    for _ in range(3):
        step(optimizer, table, [1])
    for old, new in zip(before, state(optimizer, table), strict=True):
        assert (old[[0, 2]] == new[[0, 2]]).all()
        assert (old[1] != new[1]).all()


def test_a_row_named_twice_moves_as_with_the_sum_of_its_gradients() -> None:
    states = []
    for rows, values in (([1, 0, 1], [[1.0, 2.0], [7.0, 7.0], [3.0, -1.0]]), ([0, 1], [[7.0, 7.0], [4.0, 1.0]])):
        table, optimizer = tf.Variable(START), RowwiseLaProp(0.1, distinct_rows=False)
        optimizer.apply_gradients([(tf.IndexedSlices(tf.constant(values), tf.constant(rows), [3, 2]), table)])
        states.append(state(optimizer, table))
    for summed, single in zip(*states, strict=True):
        assert summed == pytest.approx(single, rel=1e-6)
    assert states[0][2][1] == pytest.approx([0.001 * 4**2, 0.001 * 1**2], rel=1e-4)


def test_distinct_rows_move_alike_whether_or_not_rows_are_added_up_first() -> None:
    states = []
    for distinct_rows in (True, False):
        table, optimizer = tf.Variable(START), RowwiseLaProp(0.1, distinct_rows=distinct_rows)
        for rows in ([2, 0], [1], [0, 1, 2]):
            step(optimizer, table, rows)
        states.append(state(optimizer, table))
    for one, other in zip(*states, strict=True):
        assert (one == other).all()
