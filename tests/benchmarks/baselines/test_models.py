import itertools
import math
import sys

import numpy as np
import pytest
from scipy import sparse

from benchmarks.baselines import models
from trainer.models import neighbours

REGULARISATION = 3.0
NEIGHBOURS = 4


def reviewed(users: int = 30, books: int = 12, density: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(1).random((users, books)) < density).astype(np.float32)


def everyone(x: np.ndarray) -> np.ndarray:
    return np.arange(len(x), dtype=np.int32)


def ease_weights(x: np.ndarray) -> np.ndarray:
    """B, read off a scorer: the scores of users with one book each are its rows."""
    one_book_each = sparse.csr_matrix(np.eye(x.shape[1], dtype=np.float32))
    weights = models._ease_weights(models._gram(sparse.csr_matrix(x)), REGULARISATION)
    return models._ease_scorer(one_book_each, weights)(np.arange(x.shape[1], dtype=np.int32))


def slow_item_knn(x: np.ndarray, neighbours: int) -> np.ndarray:
    users, books = x.shape
    scores = np.zeros(x.shape)
    for book in range(books):
        similar = []
        for other in range(books):
            norm = math.sqrt(float(x[:, book].sum()) * float(x[:, other].sum()))
            if other != book and norm:
                similar.append((-float(x[:, book] @ x[:, other]) / norm, other))
        for user, (negative, other) in itertools.product(range(users), sorted(similar)[:neighbours]):
            scores[user, book] -= negative * x[user, other]
    return scores


def test_popularity_counts_the_users_of_a_book() -> None:
    x = np.array([[1, 0, 1], [1, 0, 0]], np.float32)
    scores = models.popularity(sparse.csr_matrix(x))(np.array([1, 0, 1], np.int32))
    np.testing.assert_array_equal(scores, [[2, 0, 1]] * 3)
    assert scores.dtype == np.float32


@pytest.mark.parametrize("neighbours", [1, NEIGHBOURS, 100])
def test_item_knn_is_the_slow_loop(neighbours: int) -> None:
    x = reviewed()
    x[:, 5] = 0  # a book that nobody reviewed
    x[:, 7] = x[:, 8]  # ties
    scores = models.item_knn(sparse.csr_matrix(x), neighbours)(everyone(x))
    np.testing.assert_allclose(scores, slow_item_knn(x, neighbours), rtol=1e-5, atol=1e-6)
    assert scores.dtype == np.float32


def test_of_equally_similar_books_the_first_are_kept() -> None:
    x = np.ones((3, 6), np.float32)
    nearest = neighbours.nearest_books(sparse.csr_matrix(x), 2).toarray()
    np.testing.assert_array_equal(nearest[4] > 0, [True, True, False, False, False, False])
    np.testing.assert_array_equal(nearest[0] > 0, [False, True, True, False, False, False])


@pytest.mark.parametrize("block", [1, 5, 12])
def test_blocks_do_not_change_results(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = reviewed()
    matrix = sparse.csr_matrix(x)
    knn = models.item_knn(matrix, NEIGHBOURS)(everyone(x))
    weights = ease_weights(x)
    monkeypatch.setattr(neighbours, "BLOCK_BOOKS", block)
    monkeypatch.setattr(models, "BLOCK_BOOKS", block)
    np.testing.assert_array_equal(models.item_knn(matrix, NEIGHBOURS)(everyone(x)), knn)
    np.testing.assert_array_equal(ease_weights(x), weights)


def test_ease_is_the_closed_form() -> None:
    x = reviewed()
    exact = x.astype(np.float64)
    inverse = np.linalg.inv(exact.T @ exact + REGULARISATION * np.eye(x.shape[1]))
    expected = inverse / -np.diag(inverse)
    np.fill_diagonal(expected, 0)
    scores = models.ease(sparse.csr_matrix(x), REGULARISATION)(everyone(x)[3:9])
    np.testing.assert_allclose(scores, exact[3:9] @ expected, atol=1e-5)
    assert scores.dtype == np.float32


def test_ease_is_the_best_of_all_matrices_without_a_diagonal() -> None:
    """Half the gradient of ||X - X B||² + r ||B||² is X'X B - X'X + r B, and is 0 where B may move."""
    x = reviewed()
    weights = ease_weights(x).astype(np.float64)
    gram = (x.T @ x).astype(np.float64)
    gradient = gram @ weights - gram + REGULARISATION * weights
    free = ~np.eye(len(gram), dtype=np.bool_)
    np.testing.assert_array_equal(np.diag(weights), 0)
    np.testing.assert_allclose(gradient[free], 0, atol=1e-4)
    assert np.abs(np.diag(gradient)).min() > 1, "without the constraint the minimum is elsewhere"


def test_ease_works_in_the_memory_of_the_gram_matrix() -> None:
    gram = models._gram(sparse.csr_matrix(reviewed()))
    assert np.shares_memory(models._ease_weights(gram, REGULARISATION), gram)


def test_ease_names_a_regularisation_that_is_too_small() -> None:
    holdout_models = sparse.csr_matrix(np.ones((5, 2), np.float32))
    with pytest.raises(ValueError, match="raise the regularisation"):
        models.ease(holdout_models, 0)


def test_too_many_books_are_refused_by_ease_and_skipped_by_the_search() -> None:
    matrix = sparse.csr_matrix((2, models.EASE_MAX_BOOKS + 1), dtype=np.float32)
    with pytest.raises(ValueError, match="12,001 books"):
        models.ease(matrix, REGULARISATION)
    settings, score = models.tuned("ease", matrix, lambda scorer: 1.0, seed=0)
    assert settings == {}
    assert math.isnan(score)


@pytest.mark.parametrize("name", ["popularity", "item_knn", "ease"])
def test_the_search_returns_the_best_of_the_grid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.GRIDS["item_knn"], "neighbours", (1, 3, 5, 9))
    x = reviewed()
    matrix = sparse.csr_matrix(x)
    grid = models.GRIDS[name]
    tried = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    fitted = [models.fit(name, matrix, settings, seed=0)(everyone(x)) for settings in tried]
    for wanted in range(len(tried)):

        def closeness(scorer: models.Scorer, target: np.ndarray = fitted[wanted]) -> float:
            return -float(np.abs(scorer(everyone(x)) - target).max())

        settings, score = models.tuned(name, matrix, closeness, seed=0)
        assert settings == tried[wanted]
        assert score == pytest.approx(0, abs=1e-6)


def test_equal_scores_leave_the_first_settings() -> None:
    settings, score = models.tuned("ease", sparse.csr_matrix(reviewed()), lambda scorer: 0.5, seed=0)
    assert settings == {"regularisation": 10}
    assert score == 0.5


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit.als", None)
    with pytest.raises(ImportError, match="pip install implicit"):
        models.implicit_als(sparse.csr_matrix(reviewed()), 2, 1, 1, seed=0)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_implicit_als_finds_two_groups_and_repeats_itself() -> None:
    """Of each user one book of the own group is left out: it must score above all books of the other group."""
    pytest.importorskip("implicit", reason="the library implicit is not installed")
    users, books = 40, 20
    own_group = np.arange(users)[:, np.newaxis] % 2 == np.arange(books) % 2
    withheld = (np.arange(users)[:, np.newaxis] % books) == np.arange(books)
    x = (own_group & ~withheld).astype(np.float32)
    settings = {"factors": 4, "alpha": 10, "regularisation": 1}
    scores = models.fit("implicit_als", sparse.csr_matrix(x), settings, seed=3)(everyone(x))
    assert scores.dtype == np.float32
    assert scores.shape == (users, books)
    other_group = np.where(own_group, -np.inf, scores)
    assert (scores[withheld] > other_group.max(axis=1)).all()
    again = models.fit("implicit_als", sparse.csr_matrix(x), settings, seed=3)(everyone(x))
    np.testing.assert_allclose(again, scores, rtol=1e-5, atol=1e-6)
