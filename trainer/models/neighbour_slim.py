"""Neighbourhood SLIM: the ridge regression of each book on its few nearest books.

For book j and its nearest books N, by the cosine of their columns in X, the weights are

    w = (X_N' X_N + ridge I)^-1 X_N' x_j

with X the 0/1 matrix `[users, books]`. This is SLIM with the neighbours chosen first (Ning and Karypis, SLIM: sparse
linear methods for top-N recommender systems, ICDM 2011, 5.3). A ridge replaces the elastic net, as in Steck,
Embarrassingly shallow autoencoders for sparse data, WWW 2019. Unlike a cosine, a weight measures what a book adds to
the other neighbours. Unlike a regression on all books, it needs few users and stays sparse.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.models.neighbours import nearest_books, nearest_of

BLOCK_BOOKS: Final = 128
"""Books whose regressions are solved at once; with 20 neighbours each, their co-occurrences take 26 MB."""


class Settings(NamedTuple):
    """The settings that validation selects."""

    neighbours: int = 10
    ridge: float = 20.0


# Selected from 5, 10 and 20 neighbours with ridges 5, 20 and 60. On each set of reviews that
# docs/recommendation-quality.md names, one of these is the best or near it.
SETTINGS: Final = tuple(Settings(*each) for each in ((5, 60.0), (10, 5.0), (10, 60.0), (20, 20.0), (20, 60.0)))


def fit(read: sp.csr_matrix, settings: Sequence[Settings]) -> list[sp.csr_matrix]:
    """Returns float32 `[books, books]` for each of `settings`: column j holds the weights of book j's neighbours.

    Args:
      read: float32 `[users, books]`, 1 where the user has read the book.
      settings: each with a ridge above 0.
    """
    most = max(setting.neighbours for setting in settings)
    nearest = nearest_books(read, most)
    near = {size: nearest_of(nearest, size) for size in {setting.neighbours for setting in settings}}
    weights = {setting: near[setting.neighbours].copy() for setting in settings}
    by_book = read.T.tocsr()
    memory = np.empty(min(BLOCK_BOOKS * (most + 1), read.shape[1]) ** 2, np.float32)
    for start in range(0, nearest.shape[0], BLOCK_BOOKS):
        stop = min(start + BLOCK_BOOKS, nearest.shape[0])
        block = nearest[start:stop]
        # The books of the block and their neighbours; `shared` counts the common users of each pair.
        present = np.union1d(np.arange(start, stop), block.indices)
        readers = by_book[present]
        shared = (readers @ readers.T).toarray(out=memory[: len(present) ** 2].reshape(len(present), len(present)))
        targets = np.searchsorted(present, np.arange(start, stop))
        for size, neighbours in near.items():
            rows = neighbours[start:stop]
            entries = slice(neighbours.indptr[start], neighbours.indptr[stop])
            places = np.searchsorted(present, rows.indices)
            own = [setting for setting in settings if setting.neighbours == size]
            solved = _weights(shared, targets, places, np.diff(rows.indptr), [setting.ridge for setting in own])
            for setting, values in zip(own, solved, strict=True):
                weights[setting].data[entries] = values
    return [weights[setting].T.tocsr() for setting in settings]


def _weights(
    shared: npt.NDArray[np.float32],
    targets: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int32],
    ridges: Sequence[float],
) -> Iterator[npt.NDArray[np.float32]]:
    """Yields `[n]` for each of `ridges`: the weights of the first target's neighbours, then the next target's.

    Args:
      shared: `[books, books]`: number of common users of each pair of books.
      targets: `[targets]`: index in `shared` of each regressed book.
      places: `[n]`: index in `shared` of each neighbour.
      sizes: `[targets]`: number of neighbours of each target.
      ridges: the values to add to the diagonal.
    """
    taken = np.arange(sizes.max(initial=0)) < sizes[:, np.newaxis]
    neighbours = np.zeros(taken.shape, np.int64)
    neighbours[taken] = places
    # Zero rows and columns pad a target with fewer neighbours than others.
    both = taken[:, :, np.newaxis] & taken[:, np.newaxis, :]
    products = shared[neighbours[:, :, np.newaxis], neighbours[:, np.newaxis, :]] * both
    diagonal = np.eye(taken.shape[1], dtype=np.float32)
    wanted = shared[neighbours, targets[:, np.newaxis]] * taken
    for ridge in ridges:
        yield np.linalg.solve(products + ridge * diagonal, wanted[:, :, np.newaxis])[:, :, 0][taken]
