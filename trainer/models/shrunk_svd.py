"""Shrunk SVD: two towers by a truncated singular value decomposition with shrunk singular values.

X is the 0/1 matrix `[users, books]`, D its row and column sums. X~ = D_user^-1/2 X D_book^-1/4 is decomposed into its
largest singular values s and right singular vectors W. The towers are

    query      D_book^-1/4 W sqrt(f), summed over the books read and brought to length 1
    candidate  count ^ (1/4 - g) sqrt(f) W          f = s^2 / (s^2 + c s_d^2)

where g damps popularity, c shrinks, and s_d is the smallest kept s. f is the factor by which a ridge regression of the
books on themselves shrinks each direction (Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2009,
3.4.1). Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019, is the same regression at full rank
without a diagonal. g and c only rescale, so trying values costs little.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.models.towers import BookTowers
from trainer.models.truncated_svd import leading_directions

BOOK_EXPONENT: Final = 0.25
ITERATIONS: Final = 7

# Maximum number of decomposed directions; narrower settings keep the strongest.
DECOMPOSED_DIM: Final = 256


class Settings(NamedTuple):
    """The settings that validation selects."""

    popularity_damping: float = 0.25
    shrinkage: float = 3.0
    dim: int = 128


# The candidate values of each setting.
TRIED: Final[dict[str, tuple[Any, ...]]] = {
    "popularity_damping": (0.0, 0.15, 0.25, 0.35),
    "shrinkage": (1.0, 3.0, 10.0),
    "dim": (128, 256),
}


class Decomposition(NamedTuple):
    """The truncated SVD of X~ and the book counts, from which `towers` computes any settings."""

    directions: npt.NDArray[np.float32]
    """`[books, dim]` right singular vectors."""

    strengths: npt.NDArray[np.float32]
    """`[dim]` singular values, descending."""

    book_counts: npt.NDArray[np.float32]
    """`[books]`: users of each book, at least 1."""


def decompose(read: sp.csr_matrix, seed: int) -> Decomposition:
    """Returns the truncated SVD of X~, with at most `DECOMPOSED_DIM` directions.

    Args:
      read: X, float `[users, books]`, 1 where the user has read the book.
      seed: seed of the randomised decomposition.
    """
    reader_counts = np.maximum(np.diff(read.indptr), 1).astype(np.float32)
    book_counts = np.maximum(np.asarray(read.sum(axis=0)).ravel(), 1).astype(np.float32)
    scaled = (sp.diags(reader_counts**-0.5) @ read @ sp.diags(book_counts**-BOOK_EXPONENT)).astype(np.float32)
    most = min(DECOMPOSED_DIM, *scaled.shape)
    directions = leading_directions(scaled.tocsr(), kept=most, width=most, iterations=ITERATIONS, seed=seed)
    return Decomposition(directions.vectors, directions.strengths, book_counts)


def towers(decomposition: Decomposition, settings: Settings) -> BookTowers:
    """Returns the towers for g, c and d of `settings`; narrower ones if there are fewer directions."""
    strengths = decomposition.strengths[: settings.dim]
    energy = strengths**2
    weights = np.sqrt(energy / (energy + settings.shrinkage * energy[-1]))
    weighted = decomposition.directions[:, : settings.dim] * weights
    counts = decomposition.book_counts[:, np.newaxis]
    query = counts**-BOOK_EXPONENT * weighted
    candidate = counts ** (BOOK_EXPONENT - settings.popularity_damping) * weighted
    return BookTowers(query.astype(np.float32), candidate.astype(np.float32))
