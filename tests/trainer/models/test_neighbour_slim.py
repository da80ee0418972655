import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from trainer.models import neighbour_slim
from trainer.models.neighbour_slim import Settings, fit
from trainer.models.neighbours import nearest_books

READERS, BOOKS = 60, 23


def random_read(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((READERS, BOOKS)) < 0.3).astype(np.float32)


def slow(read: np.ndarray, settings: Settings) -> np.ndarray:
    """One of scikit-learn's ridge regressions for each book."""
    nearest = nearest_books(sparse.csr_matrix(read), settings.neighbours).toarray()
    weights = np.zeros((BOOKS, BOOKS))
    for book in range(BOOKS):
        near = np.flatnonzero(nearest[book])
        if len(near):
            ridge = Ridge(alpha=settings.ridge, fit_intercept=False).fit(read[:, near], read[:, book])
            weights[near, book] = ridge.coef_
    return weights


@pytest.mark.parametrize("seed", range(3))
def test_each_column_is_the_ridge_regression_on_the_books_nearest_to_its_book(seed: int) -> None:
    read = random_read(seed)
    settings = [Settings(3, 0.5), Settings(7, 2.0), Settings(7, 50.0), Settings(100, 1.0)]
    for one, weights in zip(settings, fit(sparse.csr_matrix(read), settings), strict=True):
        assert weights.toarray() == pytest.approx(slow(read, one), abs=1e-4)
        assert weights.dtype == np.float32


def test_books_that_nobody_has_read_or_that_share_no_reader_have_no_weights() -> None:
    read = random_read(4)
    read[:, 5] = 0
    read[:, 9] = 0
    read = np.vstack([read, np.eye(1, BOOKS, 9)]).astype(np.float32)
    [weights] = fit(sparse.csr_matrix(read), [Settings(4, 1.0)])
    assert weights.toarray() == pytest.approx(slow(read, Settings(4, 1.0)), abs=1e-4)
    assert not weights.toarray()[[5, 9]].any()
    assert not weights.toarray()[:, [5, 9]].any()


def test_readers_without_a_book_in_common_give_no_weights() -> None:
    [weights] = fit(sparse.csr_matrix(np.eye(4, dtype=np.float32)), [Settings()])
    assert weights.shape == (4, 4)
    assert weights.nnz == 0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read, settings = sparse.csr_matrix(random_read(5)), [Settings(5, 2.0), Settings(9, 3.0)]
    whole = [weights.toarray() for weights in fit(read, settings)]
    monkeypatch.setattr(neighbour_slim, "BLOCK_BOOKS", 4)
    for weights, expected in zip(fit(read, settings), whole, strict=True):
        assert weights.toarray() == pytest.approx(expected, abs=1e-6)


def test_settings_fitted_together_are_those_fitted_alone() -> None:
    read = sparse.csr_matrix(random_read(6))
    settings = [Settings(9, 3.0), Settings(2, 1.0)]
    for one, weights in zip(settings, fit(read, settings), strict=True):
        assert weights.toarray() == pytest.approx(fit(read, [one])[0].toarray(), abs=1e-6)
