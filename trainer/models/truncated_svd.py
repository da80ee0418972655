"""Truncated SVD: the leading right singular vectors of a large matrix that is only known by its products.

Runs the randomised subspace iteration of Halko, Martinsson, Tropp (SIAM Review 53(2), 2011, algorithm 4.4) on A' A.
Theirs also orthonormalises the products with A, which preserves weak directions better but needs memory for every user.
Only strong directions are kept here. Libraries orthonormalise by Householder QR, which would take most of the time.
This module uses the eigenvectors of the small Gram matrix instead (Stathopoulos and Wu, SIAM Journal on Scientific
Computing 23(6), 2002).
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Columns = npt.NDArray[np.float32]
Product = Callable[[Columns], Columns]

# Share of the largest singular value; smaller singular values are noise of float32.
NEGLIGIBLE: Final = 1e-6

# Share of the largest eigenvalue of a Gram matrix; `orthonormal` leaves out directions with smaller eigenvalues.
_DEPENDENT: Final = 1e-12

# Rows whose products are in memory at a time, in double precision too, while they are summed into a small matrix.
BLOCK_ROWS: Final = 65_536


class Directions(NamedTuple):
    """The right singular vectors and singular values of a matrix."""

    vectors: Columns
    """`[columns, kept]`, orthonormal."""

    strengths: Columns
    """`[kept]` singular values, descending, none negligible."""


def _unchanged(vectors: Columns) -> Columns:
    return vectors


def leading_directions(
    rows: sp.csr_matrix,
    *,
    forward: Product = _unchanged,
    backward: Product = _unchanged,
    kept: int,
    width: int,
    iterations: int,
    seed: int,
) -> Directions:
    """Returns the leading right singular vectors of A = X B, fewer than `kept` if its rank is lower.

    Memory grows with the columns of X, not with its rows.

    Args:
      rows: X, float32 `[rows, columns]`.
      forward: returns B x, B `[columns, columns]`, for x `[columns, n]`; default: x.
      backward: returns B' x, for the same; default: x.
      kept: number of vectors to return.
      width: number of vectors to iterate, at least `kept` and at most A's smaller side.
      iterations: number of times that A' A is applied.
      seed: seed of the initial vectors.
    """
    if width < rows.shape[1]:
        vectors = np.random.default_rng(seed).standard_normal((rows.shape[1], width)).astype(np.float32)
        for _ in range(iterations):
            vectors = orthonormal(backward(_squared(rows, forward(vectors))))
        vectors = orthonormal(vectors)  # A second time, which removes the rounding errors of the first.
    else:
        vectors = np.eye(width, dtype=np.float32)
    energies, rotation = np.linalg.eigh(gram_of_products(rows, forward(vectors)))
    strengths = np.sqrt(np.maximum(energies[::-1], 0))
    found = min(kept, max(int(np.count_nonzero(strengths > NEGLIGIBLE * strengths[0])), 1))
    leading = rotation[:, ::-1][:, :found].astype(np.float32)
    return Directions(vectors @ leading, strengths[:found].astype(np.float32))


def gram_of_products(rows: sp.csr_matrix, vectors: Columns) -> npt.NDArray[np.float64]:
    """Returns `[n, n]`: the Gram matrix of the columns of X x, for x `[columns, n]`."""
    return sum((gram(block @ vectors) for block in _blocks(rows, BLOCK_ROWS)), np.zeros((vectors.shape[1],) * 2))


def orthonormal(vectors: Columns) -> Columns:
    """Returns `[rows, k]`: orthonormal columns with the span of `[rows, n]`; k < n if those are dependent."""
    energies, rotation = np.linalg.eigh(gram(vectors))
    independent = energies >= _DEPENDENT * max(energies[-1], np.finfo(np.float32).tiny)
    independent[-1] = True
    lengths = np.sqrt(np.maximum(energies[independent], np.finfo(np.float32).tiny))
    return vectors @ (rotation[:, independent] / lengths).astype(np.float32)


def gram(vectors: Columns) -> npt.NDArray[np.float64]:
    """Returns `[n, n]`: the Gram matrix of the columns, in double precision."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), BLOCK_ROWS):
        exact = vectors[start : start + BLOCK_ROWS].astype(np.float64)
        total += exact.T @ exact
    return total


def _squared(rows: sp.csr_matrix, vectors: Columns) -> Columns:
    """Returns X' X x for x `[columns, n]`, in blocks of at least as many rows as the result has."""
    total = np.zeros_like(vectors)
    for block in _blocks(rows, max(rows.shape[1], BLOCK_ROWS)):
        total += block.T @ (block @ vectors)
    return total


def _blocks(rows: sp.csr_matrix, size: int) -> Iterator[sp.csr_matrix]:
    """Yields `size` rows at a time."""
    for start in range(0, rows.shape[0], size):
        yield rows[start : start + size]
