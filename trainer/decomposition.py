"""The leading right singular vectors of a large matrix that is only known by its products.

The randomised subspace iteration of Halko, Martinsson, Tropp (SIAM Review 53(2), 2011, algorithm 4.4) on A' A. Theirs
makes the products with A orthonormal too, which holds weak directions better and needs memory for every reader; what
is kept here are strong ones. Libraries make vectors orthonormal by Householder's QR decomposition, which then takes
most of the time; here the eigenvectors of their small Gram matrix do (Stathopoulos and Wu, SIAM Journal on Scientific
Computing 23(6), 2002).
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Columns = npt.NDArray[np.float32]
Product = Callable[[Columns], Columns]

# Of the largest singular value: what is below is noise of float32.
NEGLIGIBLE: Final = 1e-6

# Of the largest eigenvalue of a Gram matrix: a direction with less is left out of the orthonormal ones.
_DEPENDENT: Final = 1e-12

# Rows whose products are held at a time, in double precision too, where they are summed up to a few numbers.
BLOCK_ROWS: Final = 65_536


class Directions(NamedTuple):
    """The part of a singular value decomposition that lies on the columns' side."""

    vectors: Columns
    """`[columns, kept]`, orthonormal."""

    strengths: Columns
    """`[kept]` singular values, falling, none negligible."""


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
    """Returns the leading right singular vectors of A = X B, fewer where its rank is lower.

    What stands in memory is as long as a row of X, however many rows there are.

    Args:
      rows: X, float32 `[rows, columns]`.
      forward: returns B x, B `[columns, columns]`, for x `[columns, n]`; left out: x.
      backward: returns B' x, for the same.
      kept: how many vectors are asked for.
      width: how many are iterated, at least `kept` and at most A's lesser side.
      iterations: how often A' A is applied.
      seed: of the vectors at the start.
    """
    if width < rows.shape[1]:
        vectors = np.random.default_rng(seed).standard_normal((rows.shape[1], width)).astype(np.float32)
        for _ in range(iterations):
            vectors = orthonormal(backward(_squared(rows, forward(vectors))))
        vectors = orthonormal(vectors)  # Once more: this takes away what rounding left.
    else:
        vectors = np.eye(width, dtype=np.float32)
    energies, rotation = np.linalg.eigh(gram_of_products(rows, forward(vectors)))
    strengths = np.sqrt(np.maximum(energies[::-1], 0))
    found = min(kept, max(int(np.count_nonzero(strengths > NEGLIGIBLE * strengths[0])), 1))
    leading = rotation[:, ::-1][:, :found].astype(np.float32)
    return Directions(vectors @ leading, strengths[:found].astype(np.float32))


def gram_of_products(rows: sp.csr_matrix, vectors: Columns) -> npt.NDArray[np.float64]:
    """Returns `[n, n]`: the products with each other of the columns of X x, for x `[columns, n]`."""
    return sum((gram(block @ vectors) for block in _blocks(rows, BLOCK_ROWS)), np.zeros((vectors.shape[1],) * 2))


def orthonormal(vectors: Columns) -> Columns:
    """Returns `[rows, k]`: orthonormal columns that span those of `[rows, n]`, fewer where those are dependent."""
    energies, rotation = np.linalg.eigh(gram(vectors))
    independent = energies >= _DEPENDENT * max(energies[-1], np.finfo(np.float32).tiny)
    independent[-1] = True
    lengths = np.sqrt(np.maximum(energies[independent], np.finfo(np.float32).tiny))
    return vectors @ (rotation[:, independent] / lengths).astype(np.float32)


def gram(vectors: Columns) -> npt.NDArray[np.float64]:
    """Returns `[n, n]`: the products of the columns with each other."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), BLOCK_ROWS):
        exact = vectors[start : start + BLOCK_ROWS].astype(np.float64)
        total += exact.T @ exact
    return total


def _squared(rows: sp.csr_matrix, vectors: Columns) -> Columns:
    """Returns X' X x for x `[columns, n]`: what each portion adds is as long as a row, so a portion is too."""
    total = np.zeros_like(vectors)
    for block in _blocks(rows, max(rows.shape[1], BLOCK_ROWS)):
        total += block.T @ (block @ vectors)
    return total


def _blocks(rows: sp.csr_matrix, size: int) -> Iterator[sp.csr_matrix]:
    """Yields `size` rows at a time."""
    for start in range(0, rows.shape[0], size):
        yield rows[start : start + size]
