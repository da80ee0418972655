"""Two towers in closed form: a shrunk singular value decomposition of the matrix of who read what.

X is the 0/1 matrix of readers and books, D its row and column sums. X~ = D_reader^-1/2 X D_book^-1/4 is decomposed
into its largest singular values s and right vectors W. The towers are

    query      D_book^-1/4 W sqrt(f), summed over the books read and brought to length 1
    candidate  count ^ (1/4 - g) sqrt(f) W          f = s^2 / (s^2 + c s_d^2)

where f is what a ridge regression of the books on themselves leaves of each direction (Hastie, Tibshirani, Friedman,
The Elements of Statistical Learning, 2009, 3.4.1; Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019,
is the same regression at full rank without a diagonal), g damps popularity and c shrinks. Both only rescale, so that
trying them costs little.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.book_towers import BookTowers
from trainer.decomposition import leading_directions

BOOK_EXPONENT: Final = 0.25
ITERATIONS: Final = 7

# Directions that are decomposed; the narrower settings keep the strongest of them.
DECOMPOSED_DIM: Final = 256


class Settings(NamedTuple):
    """What is chosen on validation."""

    popularity_damping: float = 0.25
    shrinkage: float = 3.0
    dim: int = 128


# What is tried for each.
TRIED: Final[dict[str, tuple[Any, ...]]] = {
    "popularity_damping": (0.0, 0.15, 0.25, 0.35),
    "shrinkage": (1.0, 3.0, 10.0),
    "dim": (128, 256),
}


class Decomposition(NamedTuple):
    """What `towers` needs of the data."""

    directions: npt.NDArray[np.float32]
    """`[books, dim]`"""

    strengths: npt.NDArray[np.float32]
    """`[dim]`, falling."""

    book_counts: npt.NDArray[np.float32]
    """`[books]`, at least 1."""


def decompose(read: sp.csr_matrix, seed: int) -> Decomposition:
    """Decomposes float `[readers, books]`, 1 where the reader has read the book, into as many directions as it has.

    Args:
      read: the matrix.
      seed: of the randomised decomposition.
    """
    reader_counts = np.maximum(np.diff(read.indptr), 1).astype(np.float32)
    book_counts = np.maximum(np.asarray(read.sum(axis=0)).ravel(), 1).astype(np.float32)
    scaled = (sp.diags(reader_counts**-0.5) @ read @ sp.diags(book_counts**-BOOK_EXPONENT)).astype(np.float32)
    most = min(DECOMPOSED_DIM, *scaled.shape)
    directions = leading_directions(scaled.tocsr(), kept=most, width=most, iterations=ITERATIONS, seed=seed)
    return Decomposition(directions.vectors, directions.strengths, book_counts)


def towers(decomposition: Decomposition, settings: Settings) -> BookTowers:
    """Returns the towers for g, c and d of `settings`; narrower ones where there are fewer directions."""
    strengths = decomposition.strengths[: settings.dim]
    energy = strengths**2
    weights = np.sqrt(energy / (energy + settings.shrinkage * energy[-1]))
    weighted = decomposition.directions[:, : settings.dim] * weights
    counts = decomposition.book_counts[:, np.newaxis]
    query = counts**-BOOK_EXPONENT * weighted
    candidate = counts ** (BOOK_EXPONENT - settings.popularity_damping) * weighted
    return BookTowers(query.astype(np.float32), candidate.astype(np.float32))
