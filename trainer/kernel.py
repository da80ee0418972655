"""A model of books for books: how much having read one speaks for another, and its compression into two towers.

The score of book j for a reader who has read the books R is the sum over i in R of B[i, j]. B is never held whole: it
is a weighted sum of two towers' products and of a sparse matrix of nearest neighbours. Served are two towers, so B is
compressed: of all towers of a given width, those are taken whose scores come closest to B's, summed over the training
readers (reduced-rank regression, Izenman, Journal of Multivariate Analysis 5(2), 1975). With Y = X B and the right
singular vectors W of Y these are the query table B W and the candidate table W.
"""

from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from trainer.book_towers import BookTowers, Table
from trainer.interactions import Histories, Ids, as_matrix

POWER_ITERATIONS: Final = 4
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
        dense = [weight * ((read @ query) @ candidate.T) for weight, query, candidate in self.factors]
        dense += [weight * (read @ matrix).toarray() for weight, matrix in self.sparse]
        return np.sum(dense, axis=0, dtype=np.float32)

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
    return Kernel(factors=((1.0, towers.query_table, towers.candidate_table),))


def reader_rows(histories: Histories, books: int) -> sp.csr_matrix:
    """Returns float32 `[users, books]`: 1 / sqrt(n) where a reader of n books has read the book."""
    read = as_matrix(histories, books)
    return (sp.diags(np.maximum(histories.sizes(), 1) ** -0.5) @ read).astype(np.float32).tocsr()


def standardised(kernel: Kernel, rows: sp.csr_matrix) -> Kernel:
    """Returns `kernel` times what gives its scores a standard deviation of 1, over some of the readers' `rows`."""
    spread = float(np.std(kernel.scores(rows[_some_readers(rows)])))
    return kernel.times(1 / max(spread, 1e-12))


def compress(kernel: Kernel, rows: sp.csr_matrix, dim: int, seed: int) -> BookTowers:
    """Returns the towers of width `dim` whose scores for the readers of `rows` come closest to the kernel's.

    Args:
      kernel: what is to be said.
      rows: `[users, books]`, from `reader_rows`.
      dim: width; fewer columns come back where the data have no more directions.
      seed: of the randomised decomposition (Halko, Martinsson, Tropp, SIAM Review 53(2), 2011).
    """
    columns = rows.T.tocsr()
    width = min(dim + OVERSAMPLES, *rows.shape)
    start = np.random.default_rng(seed).standard_normal((rows.shape[1], width)).astype(np.float32)
    basis = np.linalg.qr(rows @ kernel.forward(start))[0]
    for _ in range(POWER_ITERATIONS):
        directions = np.linalg.qr(kernel.backward(columns @ basis))[0]
        basis = np.linalg.qr(rows @ kernel.forward(directions))[0]
    _, strengths, directions = np.linalg.svd(kernel.backward(columns @ basis).T, full_matrices=False)
    kept = min(dim, max(int(np.count_nonzero(strengths > 1e-6 * strengths[0])), 1))
    candidate = directions[:kept].T.astype(np.float32)
    return BookTowers(kernel.forward(candidate).astype(np.float32), candidate)


def _some_readers(rows: sp.csr_matrix) -> Ids:
    readers = np.flatnonzero(np.diff(rows.indptr))
    return readers[np.linspace(0, len(readers) - 1, min(SCALE_USERS, len(readers))).astype(np.int64)].astype(np.int32)
