"""A table that a SavedModel holds at 8 bits, through Python's loader and, by a session, through what C++ does."""

import gc
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer.export.dequantised_table import LoadedTable
from trainer.export.quantised_table import stored

pytestmark = pytest.mark.integration

ROWS, WIDTH = 40, 70


class Module(tf.Module):
    """Two tables, which must not be taken for one another."""

    def __init__(self, seed: int):
        super().__init__()
        random = np.random.default_rng(seed)
        self.tables = [stored(random.normal(size=(ROWS, WIDTH)).astype(np.float32)) for _ in range(2)]
        self._first, self._second = (
            LoadedTable(table, name) for table, name in zip(self.tables, ("first", "second"), strict=True)
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="row")])
    def ask(self, row: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.gather(self._first, row)
        return {"row": rows, "products": tf.matmul(rows, self._second, transpose_b=True)}

    def answer(self, rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
        first, second = (table.restored() for table in self.tables)
        return first[rows], first[rows] @ second.T


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp("loaded") / str(seed) for seed in range(2)]
    for seed, folder in enumerate(folders):
        module = Module(seed)
        tf.saved_model.save(module, str(folder), signatures={"ask": module.ask})
    return folders


def check(answer: dict[str, np.ndarray], seed: int, rows: list[int]) -> None:
    vectors, products = Module(seed).answer(rows)
    assert (np.asarray(answer["row"]) == vectors).all()
    assert np.asarray(answer["products"]) == pytest.approx(products, abs=1e-3)


def test_a_module_that_was_not_saved_answers() -> None:
    module = Module(3)
    check(module.ask(tf.constant([5, 0])), 3, [5, 0])
    assert module.ask.get_concrete_function().structured_outputs["products"].shape.as_list() == [None, ROWS]


def test_two_models_in_one_process_have_tables_of_their_own(folders: list[Path]) -> None:
    loaded = [tf.saved_model.load(str(folder)) for folder in (*folders, folders[0])]
    for seed in (0, 1):
        check(loaded[seed].signatures["ask"](row=tf.constant([7, 39])), seed, [7, 39])
    del loaded[0]
    gc.collect()
    check(loaded[-1].signatures["ask"](row=tf.constant([7])), 0, [7])


def test_signatures_outlive_the_rest_of_a_loaded_model(folders: list[Path]) -> None:
    ask = tf.saved_model.load(str(folders[0])).signatures["ask"]
    gc.collect()
    check(ask(row=tf.constant([7])), 0, [7])


def test_a_session_restores_first_and_then_makes_the_tables(folders: list[Path]) -> None:
    for seed, folder in enumerate(folders):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            loaded = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
            signature = loaded.signature_def["ask"]
            for rows in ([1, 2, 3], [39]):
                outputs = {key: output.name for key, output in signature.outputs.items()}
                check(session.run(outputs, {signature.inputs["row"].name: rows}), seed, rows)


def test_the_checkpoint_holds_no_table_of_floats(folders: list[Path]) -> None:
    reader = tf.train.load_checkpoint(str(folders[0] / "variables" / "variables"))
    types = reader.get_variable_to_dtype_map()
    held = {
        name: (types[name].name, shape) for name, shape in reader.get_variable_to_shape_map().items() if "/" in name
    }
    assert sorted(held.values()) == [("float32", [ROWS, 3])] * 2 + [("int8", [ROWS, WIDTH])] * 2
    assert sum(file.stat().st_size for file in (folders[0] / "variables").iterdir()) < 3 * ROWS * WIDTH


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="first: wanted as"):
        tf.convert_to_tensor(Module(0)._first, tf.float64)
