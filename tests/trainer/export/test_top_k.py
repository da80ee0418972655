import numpy as np
import pytest
import tensorflow as tf

from trainer.export.top_k import BLOCK, top_k

of_any_size = tf.function(top_k, input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([], tf.int32)])


def expected(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    values = np.take_along_axis(scores, order, axis=1)
    fill = ((0, 0), (0, k - order.shape[1]))
    order = np.where(np.isinf(values), -1, order)
    return np.pad(values, fill, constant_values=-np.inf), np.pad(order, fill, constant_values=-1)


@pytest.mark.parametrize("ties", [False, True], ids=["all-differ", "with-ties"])
@pytest.mark.parametrize(
    ("columns", "k"),
    [
        (1, 1),
        (BLOCK, 1),
        (BLOCK + 1, 1),
        (10, 3),
        (1_000, 0),
        (1_000, 3),
        (1_024, 15),
        (1_024, 16),
        (6_401, 100),
        (5_000, 77),
        (130, 500),
    ],
)
def test_it_is_what_a_stable_sort_gives(columns: int, k: int, ties: bool) -> None:
    random = np.random.default_rng(columns + k)
    scores = random.standard_normal((6, columns)).astype(np.float32)
    scores = np.round(scores) if ties else scores
    scores[random.random((6, columns)) < 0.3] = -np.inf
    scores[1] = -np.inf
    scores[2, k:] = -np.inf
    values, best = of_any_size(scores, k)
    wanted_values, wanted = expected(scores, k)
    assert best.numpy().tolist() == wanted.tolist()
    assert values.numpy().tolist() == wanted_values.tolist()


@pytest.mark.parametrize("columns", [5, 5_000])
def test_no_rows_give_no_rows(columns: int) -> None:
    values, best = of_any_size(np.zeros((0, columns), np.float32), 3)
    assert values.shape == best.shape == (0, 3)


@pytest.mark.parametrize(("columns", "k"), [(1, 1), (BLOCK - 1, 0), (1_000, 5), (1_000, 15), (6_465, 100), (130, 500)])
def test_columns_beyond_those_that_count_are_never_answered(columns: int, k: int) -> None:
    random = np.random.default_rng(columns)
    scores = np.round(random.standard_normal((5, columns + -columns % BLOCK)), 1).astype(np.float32)
    scores[:, columns:] = 9
    scores[1] = 0.0  # All are equal, those beyond too.
    scores[2, :columns] = -np.inf
    scores[3, columns - 1] = 5  # The best one is the last that counts.
    padded = tf.function(
        lambda scores, k: top_k(scores, k, columns),
        input_signature=[tf.TensorSpec([None, scores.shape[1]]), tf.TensorSpec([], tf.int32)],
    )
    values, best = padded(scores, k)
    wanted_values, wanted = expected(scores[:, :columns], k)
    assert best.numpy().tolist() == wanted.tolist()
    assert values.numpy().tolist() == wanted_values.tolist()


def test_scores_that_are_no_numbers_leave_the_other_rows_alone() -> None:
    scores = np.random.default_rng(0).standard_normal((3, 5_000)).astype(np.float32)
    scores[1] = np.nan
    values, best = of_any_size(scores, 7)
    wanted_values, wanted = expected(scores, 7)
    assert best.numpy()[[0, 2]].tolist() == wanted[[0, 2]].tolist()
    assert values.numpy()[[0, 2]].tolist() == wanted_values[[0, 2]].tolist()
