"""Classical recommenders, peers that the two-tower model must beat: popularity, item-kNN, EASE and implicit ALS.

Each takes `interactions`, a sparse float32 `[users, books]` with a 1 where a user reviewed a book, and returns a
scorer. A scorer also scores books that a user has seen; who ranks its scores leaves them out. Peers count only with
settings chosen as carefully as the model's own, hence the grids: Ferrari Dacrema, Cremonesi and Jannach, Are we really
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

from trainer.neighbours import BLOCK_BOOKS, book_products, nearest_books, nearest_of
from transform.tensorflow_settings import one_thread_of_linear_algebra

Matrix = npt.NDArray[np.float32]

# int32 [n] -> float32 [n, books]
Scorer = Callable[[npt.NDArray[np.int32]], Matrix]

Settings = dict[str, Any]

EASE_MAX_BOOKS: Final = 12_000
"""EASE keeps a dense `[books, books]`: 0.6 GB at this size, and two of them while the grid is searched."""

ALS_ITERATIONS: Final = 15

GRIDS: Final[dict[str, dict[str, tuple[float, ...]]]] = {
    "popularity": {},
    "item_knn": {"neighbours": (3, 5, 10, 20, 50, 100, 200)},
    "ease": {"regularisation": (10, 30, 60, 120, 250, 500, 1000)},
    "implicit_als": {"factors": (64, 128), "alpha": (1, 10), "regularisation": (1, 10, 50)},
}
"""For each peer the values of each setting; every combination is tried."""


def popularity(interactions: sparse.csr_matrix) -> Scorer:
    """Ranks books by how many interactions they have, for everyone alike.

    Args:
      interactions: `[users, books]`.
    """
    counts = np.asarray(interactions.sum(axis=0), np.float32).reshape(1, -1)
    return lambda users: np.repeat(counts, len(users), axis=0)


def item_knn(interactions: sparse.csr_matrix, neighbours: int) -> Scorer:
    """Scores a book by the sum of its cosine similarities to those of its nearest books that the user has.

    Source: Sarwar, Karypis, Konstan and Riedl, Item-based collaborative filtering recommendation algorithms, WWW 2001.
    Their weighted mean of ratings would be 1 for every book where all ratings are 1, so the sum is not divided.

    Args:
      interactions: `[users, books]`.
      neighbours: how many most similar books of each book count; of equally similar ones those with the lower ids.
    """
    return _knn_scorer(interactions, nearest_books(interactions, neighbours))


def ease(interactions: sparse.csr_matrix, regularisation: float) -> Scorer:
    """Scores by X B, where B minimises ||X - X B||² + regularisation ||B||² with a diagonal of zeros.

    With P = (X'X + regularisation I)⁻¹ the minimum is B[i, j] = -P[i, j] / P[j, j] off the diagonal. Source: Steck,
    Embarrassingly shallow autoencoders for sparse data, WWW 2019.

    Args:
      interactions: `[users, books]`, at most `EASE_MAX_BOOKS` books.
      regularisation: above 0.

    Raises:
      ValueError: there are too many books for a dense `[books, books]`, or `regularisation` is too small.
    """
    return _ease_scorer(interactions, _ease_weights(_gram(interactions), regularisation))


def implicit_als(
    interactions: sparse.csr_matrix, factors: int, alpha: float, regularisation: float, seed: int
) -> Scorer:
    """Scores by the dot product of factors of users and books, fitted by weighted alternating least squares.

    Source: Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008. The library
    weighs an interaction with alpha where the paper has 1 + alpha, so alpha 1 weighs all cells of the matrix the same.

    Args:
      interactions: `[users, books]`.
      factors: length of the vectors.
      alpha: weight of an interaction; a cell without one weighs 1.
      regularisation: weight of the squared factors. Large values on little data leave only zeros.
      seed: of the first factors.

    Raises:
      ImportError: the library `implicit` is missing.
    """
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError as error:
        raise ImportError("Implicit ALS needs the library implicit: pip install implicit") from error
    # The library has threads of its own. Those of BLAS on top slow it down tenfold, and it warns of them.
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
    """Fits one peer.

    Args:
      name: a key of `GRIDS`.
      interactions: `[users, books]`.
      settings: a value for each setting of its grid.
      seed: used by implicit ALS only; the others draw nothing at random.
    """
    if name == "implicit_als":
        return implicit_als(interactions, seed=seed, **settings)
    fitters: dict[str, Callable[..., Scorer]] = {"popularity": popularity, "item_knn": item_knn, "ease": ease}
    return fitters[name](interactions, **settings)


def tuned(
    name: str, interactions: sparse.csr_matrix, validate: Callable[[Scorer], float], seed: int
) -> tuple[Settings, float]:
    """Searches the grid of one peer.

    What does not depend on the settings is computed once. One scorer is alive at a time.

    Args:
      name: a key of `GRIDS`.
      interactions: `[users, books]`.
      validate: returns the score of a scorer on held-out interactions, larger is better.
      seed: as for `fit`.

    Returns:
      The settings with the best score, the earlier ones of equals, and that score. EASE is skipped with more than
      `EASE_MAX_BOOKS` books: no settings, and nan, which no comparison takes for beaten.
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
    """Returns `fit` for one peer with the work done that all settings share."""
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
    """Returns X'X, `[books, books]`, exact while no book has 2²⁴ users."""
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
    # LAPACK counts by columns: to it, the transposed view of a symmetric matrix is the matrix, and it is not copied.
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
    """Makes `matrix` symmetric in place, in blocks: a transpose of all of it would take as much memory again."""
    for start in range(0, len(matrix), BLOCK_BOOKS):
        stop = start + BLOCK_BOOKS
        corner = np.tril(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = corner + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def _ease_scorer(interactions: sparse.csr_matrix, weights: Matrix) -> Scorer:
    # [n, books] @ [books, books] -> [n, books]
    return lambda users: interactions[users] @ weights
