import numpy as np
import pytest

from trainer.export.exact_index import ExactIndex
from trainer.export.quantised_table import stored
from trainer.export.top_k import BLOCK

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("books", [1, BLOCK, 3 * BLOCK + 1])
def test_scores_are_products_and_the_width_is_of_whole_blocks(books: int) -> None:
    table = RANDOM.standard_normal((books, 12)).astype(np.float32)
    vectors = RANDOM.standard_normal((4, 12)).astype(np.float32)
    index = ExactIndex(stored(table))
    scores = index.scores(vectors).numpy()
    assert scores.shape == (4, index.width)
    assert index.width % BLOCK == 0
    assert 0 <= index.width - books < BLOCK
    assert scores[:, :books] == pytest.approx(vectors @ stored(table).restored().T, abs=1e-5)


def test_vectors_are_those_given() -> None:
    table = stored(RANDOM.standard_normal((100, 12)).astype(np.float32))
    found = ExactIndex(table).vectors([99, 0, 5, 5]).numpy()
    assert found.tolist() == table.restored()[[99, 0, 5, 5]].tolist()


def test_a_square_table_is_transposed_too() -> None:
    table = stored(RANDOM.standard_normal((BLOCK, BLOCK)).astype(np.float32))
    assert ExactIndex(table).scores(np.eye(BLOCK, dtype=np.float32)).numpy().tolist() == table.restored().T.tolist()
