"""The leading right singular vectors of a large matrix that is only known by its products.

The randomised subspace iteration of Halko, Martinsson, Tropp (SIAM Review 53(2), 2011, algorithm 4.4). Libraries make
its vectors orthonormal by Householder's QR decomposition, which then takes most of the time; here the eigenvectors of
their small Gram matrix do (Stathopoulos and Wu, SIAM Journal on Scientific Computing 23(6), 2002).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Columns = npt.NDArray[np.float32]

# Of the largest singular value: what is below is noise of float32.
NEGLIGIBLE: Final = 1e-6

# Of the largest eigenvalue of a Gram matrix: a direction with less is left out of the orthonormal ones.
_DEPENDENT: Final = 1e-12

# Rows that are held in double precision at a time.
_BLOCK_ROWS: Final = 65_536


class Directions(NamedTuple):
    """The part of a singular value decomposition that lies on the columns' side."""

    vectors: Columns
    """`[columns, kept]`, orthonormal."""

    strengths: Columns
    """`[kept]` singular values, falling, none negligible."""


def leading_directions(
    forward: Callable[[Columns], Columns],
    backward: Callable[[Columns], Columns],
    columns: int,
    *,
    kept: int,
    width: int,
    iterations: int,
    seed: int,
) -> Directions:
    """Returns the leading right singular vectors of a matrix A `[rows, columns]`, fewer where its rank is lower.

    Args:
      forward: returns A x, `[rows, n]`, for x `[columns, n]`.
      backward: returns A' y, `[columns, n]`, for y `[rows, n]`.
      columns: how many A has.
      kept: how many vectors are asked for.
      width: how many are iterated, at least `kept` and at most A's lesser side.
      iterations: how often A' A is applied.
      seed: of the vectors at the start.
    """
    vectors = np.random.default_rng(seed).standard_normal((columns, width)).astype(np.float32)
    for _ in range(iterations):
        vectors = orthonormal(backward(orthonormal(forward(vectors))))
    vectors = orthonormal(vectors)  # Once more: this takes away what rounding left.
    energies, rotation = np.linalg.eigh(_gram(forward(vectors)))
    strengths = np.sqrt(np.maximum(energies[::-1], 0))
    found = min(kept, max(int(np.count_nonzero(strengths > NEGLIGIBLE * strengths[0])), 1))
    leading = rotation[:, ::-1][:, :found].astype(np.float32)
    return Directions(vectors @ leading, strengths[:found].astype(np.float32))


def orthonormal(vectors: Columns) -> Columns:
    """Returns `[rows, k]`: orthonormal columns that span those of `[rows, n]`, fewer where those are dependent."""
    energies, rotation = np.linalg.eigh(_gram(vectors))
    independent = energies >= _DEPENDENT * max(energies[-1], np.finfo(np.float32).tiny)
    independent[-1] = True
    lengths = np.sqrt(np.maximum(energies[independent], np.finfo(np.float32).tiny))
    return vectors @ (rotation[:, independent] / lengths).astype(np.float32)


def _gram(vectors: Columns) -> npt.NDArray[np.float64]:
    """Returns `[n, n]`: the products of the columns with each other."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), _BLOCK_ROWS):
        exact = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
        total += exact.T @ exact
    return total
