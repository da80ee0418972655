"""A model of books for books: how much having read one speaks for another, and its compression into two towers.

The score of book j for a reader who has read the books R is the sum over i in R of B[i, j]. B is never held whole: it
is a weighted sum of two towers' products and of a sparse matrix of books near to each other. Served are two towers, so
B is compressed: of all towers of a given width, those are taken whose scores come closest to B's, summed over the
training readers (reduced-rank regression, Izenman, Journal of Multivariate Analysis 5(2), 1975). With Y = X B and the
right singular vectors W of Y these are the query table B W and the candidate table W. Or the sparse matrix stays as it
is, as the towers' sparse part, and only the rest is compressed.
"""

from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from trainer.book_towers import BookTowers, Table
from trainer.decomposition import gram_of_products, leading_directions, orthonormal
from trainer.interactions import Ids
from trainer.ranking import by_blocks

ITERATIONS: Final = 5
OVERSAMPLES: Final = 16

# Readers by whose scores the parts of a sum are brought to one scale.
SCALE_USERS: Final = 1_000


class Kernel(NamedTuple):
    """A weighted sum of models of books for books."""

    factors: tuple[tuple[float, Table, Table], ...] = ()
    """Weight, and two tables `[books, width]` whose product is a model."""

    sparse: tuple[tuple[float, sp.csr_matrix], ...] = ()
    """Weight, and a model `[books, books]`."""

    def forward(self, vectors: Table) -> Table:
        """Returns B `vectors`, for `[books, n]`."""
        dense = [weight * (query @ (candidate.T @ vectors)) for weight, query, candidate in self.factors]
        return np.sum([*dense, *(weight * (matrix @ vectors) for weight, matrix in self.sparse)], axis=0)

    def backward(self, vectors: Table) -> Table:
        """Returns B' `vectors`, for `[books, n]`."""
        dense = [weight * (candidate @ (query.T @ vectors)) for weight, query, candidate in self.factors]
        return np.sum([*dense, *(weight * (matrix.T @ vectors) for weight, matrix in self.sparse)], axis=0)

    def scores(self, read: sp.csr_matrix) -> Table:
        """Returns float32 `[n, books]` for readers' rows `[n, books]`."""
        if not self.factors:
            return self.added_to(np.zeros(read.shape, np.float32), read)
        weight, query, candidate = self.factors[0]
        products: Table = np.float32(weight) * (read @ query) @ candidate.T
        return self._replace(factors=self.factors[1:]).added_to(products, read)

    def added_to(self, scores: Table, read: sp.csr_matrix) -> Table:
        """Adds the scores for readers' rows `[n, books]` to `scores`, float32 `[n, books]`, and returns them."""
        for weight, query, candidate in self.factors:
            scores += np.float32(weight) * (read @ query) @ candidate.T
        for weight, matrix in self.sparse:
            added = ((read @ matrix) * np.float32(weight)).tocoo()
            scores[added.row, added.col] += added.data
        return scores

    def entries(self, read: sp.csr_matrix) -> Table:
        """Returns the scores for readers' rows `[n, books]` that are not 0, of a kernel without factors."""
        entries = sum((weight * (read @ matrix) for weight, matrix in self.sparse), sp.csr_matrix(read.shape))
        return entries.data.astype(np.float32)

    def times(self, weight: float) -> "Kernel":
        """Returns the kernel times `weight`; the empty one for 0."""
        if weight == 0:
            return Kernel()
        return Kernel(
            tuple((weight * own, query, candidate) for own, query, candidate in self.factors),
            tuple((weight * own, matrix) for own, matrix in self.sparse),
        )


def summed(*kernels: Kernel) -> Kernel:
    """Returns the sum of `kernels`."""
    return Kernel(
        tuple(factor for kernel in kernels for factor in kernel.factors),
        tuple(matrix for kernel in kernels for matrix in kernel.sparse),
    )


def of_towers(towers: BookTowers) -> Kernel:
    """Returns what `towers` say, but for the length of a reader's vector."""
    sparse = () if towers.neighbours is None else ((1.0, towers.neighbours),)
    return Kernel(((1.0, towers.query_table, towers.candidate_table),), sparse)


def of_sparse(matrix: sp.csr_matrix) -> Kernel:
    """Returns what float32 `[books, books]` says: row i holds what having read book i adds."""
    return Kernel(sparse=((1.0, matrix),))


def reader_rows(read: sp.csr_matrix) -> sp.csr_matrix:
    """Returns float32 `[users, books]`: 1 / sqrt(n) where a reader of n books has a 1 in `read`."""
    return (sp.diags(np.maximum(np.diff(read.indptr), 1) ** -0.5) @ read).astype(np.float32).tocsr()


def standardised(kernel: Kernel, rows: sp.csr_matrix) -> Kernel:
    """Returns `kernel` times what gives its scores a standard deviation of 1, over some of the readers' `rows`."""
    readers = _some_readers(rows)

    def sums(block: Ids) -> tuple[float, float]:
        scores = kernel.scores(rows[block]) if kernel.factors else kernel.entries(rows[block])
        total = float(scores.sum(dtype=np.float64))
        return total, float(np.square(scores, out=scores).sum(dtype=np.float64))

    total, squares = np.sum(by_blocks(sums, readers, rows.shape[1]), axis=0)
    places = max(len(readers) * rows.shape[1], 1)
    spread = max(squares / places - (total / places) ** 2, 0) ** 0.5
    return kernel.times(1 / max(spread, 1e-12))


def as_towers(kernel: Kernel, rows: sp.csr_matrix, dim: int, seed: int, *, compressed: bool) -> BookTowers:
    """Returns the kernel as two towers: all of it `compressed`, or with its sparse models as the towers' sparse part.

    Args:
      kernel: what is to be said.
      rows: `[users, books]`, from `reader_rows`.
      dim: width of the dense vectors at the most.
      seed: see `compress`.
      compressed: whether there is to be no sparse part.
    """
    if compressed or not kernel.sparse:
        return compress(kernel, rows, dim, seed)
    neighbours = sum(
        (weight * matrix for weight, matrix in kernel.sparse[1:]), kernel.sparse[0][0] * kernel.sparse[0][1]
    )
    return compress(Kernel(kernel.factors), rows, dim, seed)._replace(neighbours=neighbours.tocsr())


def compress(kernel: Kernel, rows: sp.csr_matrix, dim: int, seed: int) -> BookTowers:
    """Returns the towers of width `dim` whose scores for the readers of `rows` come closest to the kernel's.

    Args:
      kernel: what is to be said. It is said exactly where it is made of towers that are not wider together.
      rows: `[users, books]`, from `reader_rows`.
      dim: width; fewer columns come back where the data have no more directions.
      seed: of the randomised decomposition, which only a kernel with sparse models needs.
    """
    if not kernel.sparse:
        return _narrowed(kernel, rows, dim)
    candidate = leading_directions(
        rows,
        forward=kernel.forward,
        backward=kernel.backward,
        kept=dim,
        width=min(dim + OVERSAMPLES, *rows.shape),
        iterations=ITERATIONS,
        seed=seed,
    ).vectors
    return BookTowers(kernel.forward(candidate).astype(np.float32), candidate)


def _narrowed(kernel: Kernel, rows: sp.csr_matrix, dim: int) -> BookTowers:
    """Returns what `compress` does, of towers, in one go.

    With Q and C the factors side by side and C = V R, V orthonormal, the right singular vectors of X Q C' are V times
    the eigenvectors of R Q'X'X Q R'.
    """
    query = np.hstack([np.float32(weight) * query for weight, query, _ in kernel.factors])
    candidate = np.hstack([candidate for _, _, candidate in kernel.factors])
    if query.shape[1] <= dim:
        return BookTowers(query, candidate)
    basis = orthonormal(candidate)
    coordinates = (basis.T @ candidate).astype(np.float64)
    del candidate  # As long as the basis, which takes its place.
    _, rotation = np.linalg.eigh(coordinates @ gram_of_products(rows, query) @ coordinates.T)
    leading = rotation[:, ::-1][:, :dim].astype(np.float32)
    return BookTowers(query @ (coordinates.T.astype(np.float32) @ leading), basis @ leading)


def _some_readers(rows: sp.csr_matrix) -> Ids:
    readers = np.flatnonzero(np.diff(rows.indptr))
    return readers[np.linspace(0, len(readers) - 1, min(SCALE_USERS, len(readers))).astype(np.int64)].astype(np.int32)
