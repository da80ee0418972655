"""Each book as a ridge regression on the few books nearest to it: who read those, read this one.

For book j and the books N nearest to it, by the cosine of who has read them, the weights are

    w = (X_N' X_N + ridge I)^-1 X_N' x_j

with X the 0/1 matrix of readers and books. This is SLIM with the books chosen first (Ning and Karypis, SLIM: sparse
linear methods for top-N recommender systems, ICDM 2011, 5.3), with a ridge in place of the elastic net, as in Steck,
Embarrassingly shallow autoencoders for sparse data, WWW 2019. Unlike a cosine, a weight tells what a book adds to
the other ones near to it; unlike the regression on all books, few readers suffice to fit it, and it stays sparse.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.neighbours import nearest_books, nearest_of

BLOCK_BOOKS: Final = 128
"""Books whose regressions are solved at once; with 20 neighbours each, 26 MB hold what theirs have in common."""


class Settings(NamedTuple):
    """What is chosen on validation."""

    neighbours: int = 10
    ridge: float = 20.0


# Of all pairs of 5, 10 and 20 with 5, 20 and 60, those of which one is the best or near it, on each set of reviews that
# docs/recommendation-quality.md names.
SETTINGS: Final = tuple(Settings(*each) for each in ((5, 60.0), (10, 5.0), (10, 60.0), (20, 20.0), (20, 60.0)))


def fit(read: sp.csr_matrix, settings: Sequence[Settings]) -> list[sp.csr_matrix]:
    """Returns, for each of `settings`, float32 `[books, books]`: in column j the weights of the books near to book j.

    Args:
      read: float32 `[readers, books]`, 1 where the reader has read the book.
      settings: ridges above 0.
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
        # The books in this block and those near to them, and how many readers each two of them share.
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
    """Yields, for each of `ridges`, `[n]`: the weights of the neighbours of each target, one after the other.

    Args:
      shared: `[books, books]`: how many readers each two books share.
      targets: `[targets]`: the place in `shared` of each book that is regressed.
      places: `[n]`: the place in `shared` of each neighbour.
      sizes: `[targets]`: how many neighbours each target has.
      ridges: what is added to the diagonal.
    """
    taken = np.arange(sizes.max(initial=0)) < sizes[:, np.newaxis]
    neighbours = np.zeros(taken.shape, np.int64)
    neighbours[taken] = places
    # Where a target has fewer neighbours than others, an empty row and column stand for the missing ones.
    both = taken[:, :, np.newaxis] & taken[:, np.newaxis, :]
    products = shared[neighbours[:, :, np.newaxis], neighbours[:, np.newaxis, :]] * both
    diagonal = np.eye(taken.shape[1], dtype=np.float32)
    wanted = shared[neighbours, targets[:, np.newaxis]] * taken
    for ridge in ridges:
        yield np.linalg.solve(products + ridge * diagonal, wanted[:, :, np.newaxis])[:, :, 0][taken]
