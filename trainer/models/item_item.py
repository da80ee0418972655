"""Item-item models: how much having read one book adds to another's score, and their compression into two towers.

The score of book j for a user who has read the books R is the sum over i in R of B[i, j]. B is never held whole: it is
a weighted sum of products of two towers and of a sparse matrix of neighbouring books. Serving takes two towers, so B is
compressed. The towers are those of a given width whose scores come closest to B's, summed over the training users
(reduced-rank regression, Izenman, Journal of Multivariate Analysis 5(2), 1975). With Y = X B and the right singular
vectors W of Y, the query table is B W and the candidate table W. Alternatively, the sparse matrix becomes the towers'
sparse part, and only the rest is compressed.
"""

from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from data.histories import Ids
from evaluation.ranking import by_blocks
from trainer.models.towers import BookTowers, Table
from trainer.models.truncated_svd import gram_of_products, leading_directions, orthonormal

ITERATIONS: Final = 5
OVERSAMPLES: Final = 16

# Maximum number of users over whose scores `standardised` takes the standard deviation.
SCALE_USERS: Final = 1_000


class ItemItemModel(NamedTuple):
    """A weighted sum B `[books, books]` of dense and sparse item-item models."""

    factors: tuple[tuple[float, Table, Table], ...] = ()
    """The dense models: weight, and two tables `[books, width]` whose product is the model."""

    sparse: tuple[tuple[float, sp.csr_matrix], ...] = ()
    """The sparse models: weight, and a matrix `[books, books]`."""

    def forward(self, vectors: Table) -> Table:
        """Returns B `vectors`, for `[books, n]`."""
        dense = [weight * (query @ (candidate.T @ vectors)) for weight, query, candidate in self.factors]
        return np.sum([*dense, *(weight * (matrix @ vectors) for weight, matrix in self.sparse)], axis=0)

    def backward(self, vectors: Table) -> Table:
        """Returns B' `vectors`, for `[books, n]`."""
        dense = [weight * (candidate @ (query.T @ vectors)) for weight, query, candidate in self.factors]
        return np.sum([*dense, *(weight * (matrix.T @ vectors) for weight, matrix in self.sparse)], axis=0)

    def scores(self, read: sp.csr_matrix) -> Table:
        """Returns the scores, float32 `[n, books]`, for users' rows `[n, books]`."""
        if not self.factors:
            return self.added_to(np.zeros(read.shape, np.float32), read)
        weight, query, candidate = self.factors[0]
        products: Table = np.float32(weight) * (read @ query) @ candidate.T
        return self._replace(factors=self.factors[1:]).added_to(products, read)

    def added_to(self, scores: Table, read: sp.csr_matrix) -> Table:
        """Adds the scores for users' rows `[n, books]` to `scores`, float32 `[n, books]`, and returns them."""
        for weight, query, candidate in self.factors:
            scores += np.float32(weight) * (read @ query) @ candidate.T
        for weight, matrix in self.sparse:
            added = ((read @ matrix) * np.float32(weight)).tocoo()
            scores[added.row, added.col] += added.data
        return scores

    def entries(self, read: sp.csr_matrix) -> Table:
        """Returns the scores that are not 0, for users' rows `[n, books]` and a model without factors."""
        entries = sum((weight * (read @ matrix) for weight, matrix in self.sparse), sp.csr_matrix(read.shape))
        return entries.data.astype(np.float32)

    def times(self, weight: float) -> "ItemItemModel":
        """Returns the model times `weight`; an empty model for 0."""
        if weight == 0:
            return ItemItemModel()
        return ItemItemModel(
            tuple((weight * own, query, candidate) for own, query, candidate in self.factors),
            tuple((weight * own, matrix) for own, matrix in self.sparse),
        )


def summed(*kernels: ItemItemModel) -> ItemItemModel:
    """Returns the sum of item-item models."""
    return ItemItemModel(
        tuple(factor for item_item in kernels for factor in item_item.factors),
        tuple(matrix for item_item in kernels for matrix in item_item.sparse),
    )


def of_towers(towers: BookTowers) -> ItemItemModel:
    """Returns the item-item model of `towers`, which does not scale a user's vector to length 1."""
    sparse = () if towers.neighbours is None else ((1.0, towers.neighbours),)
    return ItemItemModel(((1.0, towers.query_table, towers.candidate_table),), sparse)


def of_sparse(matrix: sp.csr_matrix) -> ItemItemModel:
    """Returns the item-item model of float32 `[books, books]`: row i holds what having read book i adds."""
    return ItemItemModel(sparse=((1.0, matrix),))


def reader_rows(read: sp.csr_matrix) -> sp.csr_matrix:
    """Returns float32 `[users, books]`: 1 / sqrt(n) where a user of n books has a 1 in `read`."""
    return (sp.diags(np.maximum(np.diff(read.indptr), 1) ** -0.5) @ read).astype(np.float32).tocsr()


def standardised(item_item: ItemItemModel, rows: sp.csr_matrix) -> ItemItemModel:
    """Returns `item_item` scaled so that its scores for a sample of users' `rows` have a standard deviation of 1."""
    readers = _some_readers(rows)

    def sums(block: Ids) -> tuple[float, float]:
        scores = item_item.scores(rows[block]) if item_item.factors else item_item.entries(rows[block])
        total = float(scores.sum(dtype=np.float64))
        return total, float(np.square(scores, out=scores).sum(dtype=np.float64))

    total, squares = np.sum(by_blocks(sums, readers, rows.shape[1]), axis=0)
    places = max(len(readers) * rows.shape[1], 1)
    spread = max(squares / places - (total / places) ** 2, 0) ** 0.5
    return item_item.times(1 / max(spread, 1e-12))


def as_towers(item_item: ItemItemModel, rows: sp.csr_matrix, dim: int, seed: int, *, compressed: bool) -> BookTowers:
    """Returns the model as two towers: wholly `compressed`, or with its sparse models as the towers' sparse part.

    Args:
      item_item: the model.
      rows: `[users, books]`, from `reader_rows`.
      dim: maximum width of the dense vectors.
      seed: see `compress`.
      compressed: True: no sparse part.
    """
    if compressed or not item_item.sparse:
        return compress(item_item, rows, dim, seed)
    neighbours = sum(
        (weight * matrix for weight, matrix in item_item.sparse[1:]), item_item.sparse[0][0] * item_item.sparse[0][1]
    )
    return compress(ItemItemModel(item_item.factors), rows, dim, seed)._replace(neighbours=neighbours.tocsr())


def compress(item_item: ItemItemModel, rows: sp.csr_matrix, dim: int, seed: int) -> BookTowers:
    """Returns the towers of width `dim` whose scores for the users of `rows` come closest to the model's.

    Args:
      item_item: the model. The result is exact if it has only factors, of total width `dim` or less.
      rows: `[users, books]`, from `reader_rows`.
      dim: width; the result is narrower if the data have fewer directions.
      seed: seed of the randomised decomposition, which only a model with sparse models needs.
    """
    if not item_item.sparse:
        return _narrowed(item_item, rows, dim)
    candidate = leading_directions(
        rows,
        forward=item_item.forward,
        backward=item_item.backward,
        kept=dim,
        width=min(dim + OVERSAMPLES, *rows.shape),
        iterations=ITERATIONS,
        seed=seed,
    ).vectors
    return BookTowers(item_item.forward(candidate).astype(np.float32), candidate)


def _narrowed(item_item: ItemItemModel, rows: sp.csr_matrix, dim: int) -> BookTowers:
    """Returns `compress` of a model with only factors, without iteration.

    Let Q and C be the factors side by side, and C = V R with V orthonormal. Then the right singular vectors of X Q C'
    are V times the eigenvectors of R Q'X'X Q R'.
    """
    query = np.hstack([np.float32(weight) * query for weight, query, _ in item_item.factors])
    candidate = np.hstack([candidate for _, _, candidate in item_item.factors])
    if query.shape[1] <= dim:
        return BookTowers(query, candidate)
    basis = orthonormal(candidate)
    coordinates = (basis.T @ candidate).astype(np.float64)
    del candidate  # Frees memory: it is as large as the basis, which replaces it.
    _, rotation = np.linalg.eigh(coordinates @ gram_of_products(rows, query) @ coordinates.T)
    leading = rotation[:, ::-1][:, :dim].astype(np.float32)
    return BookTowers(query @ (coordinates.T.astype(np.float32) @ leading), basis @ leading)


def _some_readers(rows: sp.csr_matrix) -> Ids:
    readers = np.flatnonzero(np.diff(rows.indptr))
    return readers[np.linspace(0, len(readers) - 1, min(SCALE_USERS, len(readers))).astype(np.int64)].astype(np.int32)
