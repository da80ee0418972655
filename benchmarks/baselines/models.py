"""Classical baselines of the two-tower model: popularity, item-kNN, EASE and implicit ALS.

Each takes `interactions`, a sparse float32 `[users, books]` with a 1 for each review, and returns a scorer. A scorer
also scores books that a user has read; the ranking leaves them out. Baselines are a fair comparison only if tuned as
carefully as the model, hence the grids: Ferrari Dacrema, Cremonesi and Jannach, Are we really
making much progress? A worrying analysis of recent neural recommendation approaches, RecSys 2019.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import lapack

from core.tensorflow_settings import one_thread_of_linear_algebra
from trainer.models.neighbours import BLOCK_BOOKS, book_products, nearest_books, nearest_of

Matrix = npt.NDArray[np.float32]

# int32 [n] -> float32 [n, books]
Scorer = Callable[[npt.NDArray[np.int32]], Matrix]

Settings = dict[str, Any]

EASE_MAX_BOOKS: Final = 12_000
"""EASE keeps a dense `[books, books]`: 0.6 GB at this size, and twice as much during the grid search."""

ALS_ITERATIONS: Final = 15

GRIDS: Final[dict[str, dict[str, tuple[float, ...]]]] = {
    "popularity": {},
    "item_knn": {"neighbours": (3, 5, 10, 20, 50, 100, 200)},
    "ease": {"regularisation": (10, 30, 60, 120, 250, 500, 1000)},
    "implicit_als": {"factors": (64, 128), "alpha": (1, 10), "regularisation": (1, 10, 50)},
}
"""Grid of each baseline: the values of each setting. Every combination is tried."""


def popularity(interactions: sparse.csr_matrix) -> Scorer:
    """Scores books by their number of interactions, the same for all users.

    Args:
      interactions: `[users, books]`.
    """
    counts = np.asarray(interactions.sum(axis=0), np.float32).reshape(1, -1)
    return lambda users: np.repeat(counts, len(users), axis=0)


def item_knn(interactions: sparse.csr_matrix, neighbours: int) -> Scorer:
    """Scores a book by the sum of its cosine similarities to its nearest books that the user has read.

    Source: Sarwar, Karypis, Konstan and Riedl, Item-based collaborative filtering recommendation algorithms, WWW 2001.
    The sum is not divided, because with all ratings 1 their weighted mean would be 1 for every book.

    Args:
      interactions: `[users, books]`.
      neighbours: number of nearest books of each book. Ties go to the lower ids.
    """
    return _knn_scorer(interactions, nearest_books(interactions, neighbours))


def ease(interactions: sparse.csr_matrix, regularisation: float) -> Scorer:
    """Scores by X B, where B minimises ||X - X B||² + regularisation ||B||² with a zero diagonal.

    With P = (X'X + regularisation I)⁻¹ the minimum is B[i, j] = -P[i, j] / P[j, j] off the diagonal. Source: Steck,
    Embarrassingly shallow autoencoders for sparse data, WWW 2019.

    Args:
      interactions: `[users, books]`, at most `EASE_MAX_BOOKS` books.
      regularisation: above 0.

    Raises:
      ValueError: there are more than `EASE_MAX_BOOKS` books, or `regularisation` is too small.
    """
    return _ease_scorer(interactions, _ease_weights(_gram(interactions), regularisation))


def implicit_als(
    interactions: sparse.csr_matrix, factors: int, alpha: float, regularisation: float, seed: int
) -> Scorer:
    """Scores by the dot product of user and book factors, fitted by weighted alternating least squares.

    Source: Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008. The library
    weights an interaction by alpha instead of 1 + alpha, so alpha 1 gives all cells of the matrix the same weight.

    Args:
      interactions: `[users, books]`.
      factors: dimension of the factors.
      alpha: weight of an interaction. Other cells have weight 1.
      regularisation: L2 weight of the factors. Large values on little data leave only zeros.
      seed: seed of the initial factors.

    Raises:
      ImportError: the library `implicit` is missing.
    """
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError as error:
        raise ImportError("Implicit ALS needs the library implicit: pip install implicit") from error
    # The library has its own threads. With BLAS threads on top it is ten times slower, and it warns of them.
    one_thread_of_linear_algebra()
    model = AlternatingLeastSquares(
        factors=factors,
        alpha=alpha,
        regularization=regularisation,
        iterations=ALS_ITERATIONS,
        random_state=seed,
        num_threads=0,
        use_gpu=False,
    )
    model.fit(interactions, show_progress=False)
    user_factors, book_factors = model.user_factors, model.item_factors
    # [n, factors] @ [factors, books] -> [n, books]
    return lambda users: user_factors[users] @ book_factors.T


def fit(name: str, interactions: sparse.csr_matrix, settings: Settings, seed: int) -> Scorer:
    """Fits one baseline.

    Args:
      name: a key of `GRIDS`.
      interactions: `[users, books]`.
      settings: a value for each setting of its grid.
      seed: seed of implicit ALS. The other baselines are deterministic.
    """
    if name == "implicit_als":
        return implicit_als(interactions, seed=seed, **settings)
    fitters: dict[str, Callable[..., Scorer]] = {"popularity": popularity, "item_knn": item_knn, "ease": ease}
    return fitters[name](interactions, **settings)


def tuned(
    name: str, interactions: sparse.csr_matrix, validate: Callable[[Scorer], float], seed: int
) -> tuple[Settings, float]:
    """Searches the grid of one baseline.

    It computes once what does not depend on the settings, and keeps one scorer at a time.

    Args:
      name: a key of `GRIDS`.
      interactions: `[users, books]`.
      validate: function that returns the validation score of a scorer; larger is better.
      seed: as for `fit`.

    Returns:
      The settings with the best score, and that score. Ties go to the earlier settings. EASE is skipped with more than
      `EASE_MAX_BOOKS` books: no settings, and NaN as score.
    """
    if name == "ease" and interactions.shape[1] > EASE_MAX_BOOKS:
        return {}, math.nan
    fit_settings = _fitter(name, interactions, seed)
    scored = [(settings, validate(fit_settings(settings))) for settings in _combinations(GRIDS[name])]
    return max(scored, key=lambda pair: pair[1])


def _combinations(grid: dict[str, tuple[float, ...]]) -> Iterator[Settings]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _fitter(name: str, interactions: sparse.csr_matrix, seed: int) -> Callable[[Settings], Scorer]:
    """Returns a function that fits one baseline by its settings. It reuses what all settings share."""
    if name == "ease":
        gram = _gram(interactions)
        return lambda settings: _ease_scorer(interactions, _ease_weights(gram.copy(), **settings))
    if name == "item_knn":
        nearest = nearest_books(interactions, max(int(n) for n in GRIDS[name]["neighbours"]))
        return lambda settings: _knn_scorer(interactions, nearest_of(nearest, **settings))
    return lambda settings: fit(name, interactions, settings, seed)


def _knn_scorer(interactions: sparse.csr_matrix, nearest: sparse.csr_matrix) -> Scorer:
    from_history = nearest.T.tocsr()
    # [n, books] @ [books, books] -> [n, books]
    return lambda users: (interactions[users] @ from_history).toarray()


def _gram(interactions: sparse.csr_matrix) -> Matrix:
    """Returns X'X, `[books, books]`. It is exact if no book has 2²⁴ users or more."""
    books = interactions.shape[1]
    if books > EASE_MAX_BOOKS:
        raise ValueError(
            f"EASE inverts a dense matrix of books by books and is refused for {books:,} books, more than"
            f" {EASE_MAX_BOOKS:,}: leave it out, or keep fewer books by asking for more reviews of each"
        )
    gram = np.empty((books, books), np.float32)
    for start, product in book_products(interactions):
        gram[start : start + BLOCK_BOOKS] = product.toarray()
    return gram


def _ease_weights(gram: Matrix, regularisation: float) -> Matrix:
    """Returns B, `[books, books]`, in the memory of `gram`."""
    np.fill_diagonal(gram, gram.diagonal() + np.float32(regularisation))
    # LAPACK is column-major. It takes the transposed view of a symmetric matrix without a copy.
    inverse, failed = lapack.spotrf(gram.T, lower=False, overwrite_a=True)
    if not failed:
        inverse, failed = lapack.spotri(inverse, lower=False, overwrite_c=True)
    if failed:
        raise ValueError(f"X'X + {regularisation} I is not positive definite in float32: raise the regularisation")
    weights: Matrix = inverse.T
    _mirror_lower_triangle(weights)
    weights /= -weights.diagonal()
    np.fill_diagonal(weights, 0)
    return weights


def _mirror_lower_triangle(matrix: Matrix) -> None:
    """Mirrors the lower triangle of `matrix` in place, in blocks, because a full transpose doubles the memory."""
    for start in range(0, len(matrix), BLOCK_BOOKS):
        stop = start + BLOCK_BOOKS
        corner = np.tril(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = corner + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def _ease_scorer(interactions: sparse.csr_matrix, weights: Matrix) -> Scorer:
    # [n, books] @ [books, books] -> [n, books]
    return lambda users: interactions[users] @ weights
