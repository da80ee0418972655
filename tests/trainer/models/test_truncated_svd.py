import numpy as np
import pytest
from scipy import sparse

from trainer.models import truncated_svd
from trainer.models.truncated_svd import leading_directions, orthonormal


def matrix(rows: int, columns: int, strengths: np.ndarray, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.standard_normal((size, len(strengths))))[0] for size in (rows, columns))
    return (left * strengths @ right.T).astype(np.float32)


def leading(read: np.ndarray, kept: int, width: int, iterations: int = 7) -> truncated_svd.Directions:
    return leading_directions(sparse.csr_matrix(read), kept=kept, width=width, iterations=iterations, seed=1)


@pytest.mark.parametrize("shape", [(300, 80), (80, 300)])
@pytest.mark.parametrize("block", [7, 10**6])
def test_they_are_those_of_the_whole_decomposition(
    shape: tuple[int, int], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truncated_svd, "BLOCK_ROWS", block)
    read = matrix(*shape, np.geomspace(100, 0.1, 60))
    _, strengths, vectors = np.linalg.svd(read, full_matrices=False)
    found = leading(read, 10, 20)
    assert found.vectors.shape == (shape[1], 10)
    assert found.strengths == pytest.approx(strengths[:10], rel=1e-3)
    assert np.abs(np.sum(found.vectors * vectors[:10].T, axis=0)) == pytest.approx(np.ones(10), abs=1e-3)
    assert found.vectors.T @ found.vectors == pytest.approx(np.eye(10), abs=1e-5)


def test_there_are_no_more_than_the_matrix_has() -> None:
    read = matrix(50, 40, np.array([9.0, 3, 1, 0.1]))
    found = leading(read, 12, 30)
    assert found.strengths == pytest.approx([9, 3, 1, 0.1], rel=1e-3)
    assert read @ found.vectors @ found.vectors.T == pytest.approx(read, abs=1e-5)


def test_a_matrix_of_nothing_has_one_direction() -> None:
    found = leading(np.zeros((6, 5), np.float32), 3, 4)
    assert found.vectors.shape == (5, 1)
    assert found.strengths == pytest.approx([0])


def test_columns_made_orthonormal_twice_span_the_same() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((500, 30)).astype(np.float32) * np.geomspace(1, 1e-3, 30).astype(np.float32)
    found = orthonormal(orthonormal(vectors))
    assert found.T @ found == pytest.approx(np.eye(30), abs=1e-5)
    assert found @ (found.T @ vectors) == pytest.approx(vectors, abs=1e-4)


def test_the_same_seed_gives_the_same() -> None:
    read = matrix(60, 50, np.linspace(5, 1, 40))
    assert (leading(read, 5, 9, 1).vectors == leading(read, 5, 9, 1).vectors).all()
