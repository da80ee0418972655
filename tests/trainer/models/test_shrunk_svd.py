import numpy as np
import pytest
import scipy.sparse as sp

from data.histories import Histories, Interactions, group_by_user
from trainer.models.shrunk_svd import Settings, decompose, towers


def histories(read: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), len(read))


def scores(read: np.ndarray, dim: int, damping: float, shrinkage: float, seed: int = 0) -> np.ndarray:
    fitted = towers(decompose(sp.csr_matrix(read.astype(np.float32)), seed), Settings(damping, shrinkage, dim))
    return fitted.scores(histories(read), np.arange(len(read), dtype=np.int32))


def slow_scores(read: np.ndarray, dim: int, damping: float, shrinkage: float) -> np.ndarray:
    """The docstring's formulas with a dense decomposition in double precision."""
    reader_counts, book_counts = np.maximum(read.sum(axis=1), 1.0), np.maximum(read.sum(axis=0), 1.0)
    scaled = read / np.sqrt(reader_counts)[:, np.newaxis] / book_counts**0.25
    _, strengths, directions = np.linalg.svd(scaled, full_matrices=False)
    s, w = strengths[:dim], directions[:dim].T
    f = s**2 / (s**2 + shrinkage * s[-1] ** 2)
    summed = read @ (w * np.sqrt(f) / book_counts[:, np.newaxis] ** 0.25)
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    queries = np.divide(summed, lengths, out=np.zeros_like(summed), where=lengths > 0)
    return queries @ (w * np.sqrt(f) * book_counts[:, np.newaxis] ** (0.25 - damping)).T


def random_matrix() -> np.ndarray:
    """Books from rare to popular, one that nobody read, and a reader who read nothing."""
    read = np.random.default_rng(3).random((20, 9)) < np.linspace(0.15, 0.7, 9)
    read[:, 4], read[7] = False, False
    return read.astype(np.float64)


@pytest.mark.parametrize("dim", [3, 6])
@pytest.mark.parametrize("damping", [0.0, 0.25, 0.35])
@pytest.mark.parametrize("shrinkage", [1.0, 10.0])
def test_scores_are_those_of_a_dense_decomposition(dim: int, damping: float, shrinkage: float) -> None:
    read = random_matrix()
    found, expected = scores(read, dim, damping, shrinkage), slow_scores(read, dim, damping, shrinkage)
    assert np.abs(expected).max() > 0.2
    assert found == pytest.approx(expected, abs=2e-4)
    assert (found[7] == 0).all()
    assert found[:, 4] == pytest.approx(np.zeros(20), abs=1e-5)


def test_what_is_decomposed_has_falling_strengths_and_perpendicular_directions() -> None:
    read = random_matrix()
    found = decompose(sp.csr_matrix(read.astype(np.float32)), seed=0)
    assert (np.diff(found.strengths) < 0).all()
    assert found.directions.shape == (9, 8)
    assert found.directions.T @ found.directions == pytest.approx(np.eye(8), abs=1e-5)
    assert found.book_counts.tolist() == np.maximum(read.sum(axis=0), 1).tolist()
    assert towers(found, Settings(0.0, 1.0, 5)).query_table.shape == (9, 5)


def blocks() -> np.ndarray:
    """Two groups of readers with books of their own: rank 2."""
    read = np.zeros((12, 10))
    read[:7, :4], read[7:, 4:] = 1, 1
    return read


def test_a_matrix_with_fewer_directions_gives_fewer() -> None:
    found = decompose(sp.csr_matrix(blocks().astype(np.float32)), seed=0)
    assert found.strengths.shape == (2,)
    assert towers(found, Settings(0.15, 3.0, 6)).query_table.shape == (10, 2)
    assert scores(blocks(), 6, 0.15, 3.0) == pytest.approx(slow_scores(blocks(), 2, 0.15, 3.0), abs=1e-4)


def test_it_never_has_more_directions_than_books_or_readers() -> None:
    read = np.tril(np.ones((4, 30)), 2).astype(np.float32)
    assert decompose(sp.csr_matrix(read), seed=0).directions.shape == (30, 4)
    assert decompose(sp.csr_matrix(read.T), seed=0).directions.shape == (4, 4)


def test_withheld_books_of_two_blocks_come_back_on_top() -> None:
    users, books = 40, 30
    own = np.add.outer(np.arange(users), np.arange(books)) % 2 == 0
    withheld = own & (np.add.outer(np.arange(users), np.arange(books) // 2) % 5 == 0)
    read = (own & ~withheld).astype(np.float64)
    found = np.where(read > 0, -np.inf, scores(read, 2, 0.15, 3.0))
    for user in range(users):
        best = np.argsort(-found[user])[: withheld[user].sum()]
        assert set(best.tolist()) == set(np.flatnonzero(withheld[user]).tolist())


def test_the_same_seed_gives_the_same_bit_for_bit() -> None:
    first, second = (scores(random_matrix(), 4, 0.15, 3.0, seed=9) for _ in range(2))
    assert (first == second).all()
