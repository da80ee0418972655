"""The nearest books of each book, by the cosine of their columns of users."""

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import sparse

BLOCK_BOOKS: Final = 512
"""Rows of a `[books, books]` product that are computed at once; 120 MB if it is dense and has 57,000 books."""


def nearest_books(interactions: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """Returns `[books, books]`: each row holds the cosines of the book's nearest other books, nearest first."""
    norms = np.sqrt(np.asarray(interactions.multiply(interactions).sum(axis=0), np.float64).ravel())
    blocks = []
    for start, product in book_products(interactions):
        rows = start + np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
        columns = product.indices
        # A 0 is never kept, so a book is not its own neighbour.
        product.data = np.where(rows == columns, 0, product.data / (norms[rows] * norms[columns])).astype(np.float32)
        blocks.append(_largest_per_row(product, neighbours))
    return sparse.vstack(blocks, format="csr")


def nearest_of(nearest: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """Returns `nearest_books` for fewer `neighbours`, taken from its result `nearest`."""
    sizes = np.diff(nearest.indptr)
    kept = np.arange(nearest.nnz) - np.repeat(nearest.indptr[:-1], sizes) < neighbours
    row_splits = np.concatenate([[0], np.cumsum(np.minimum(sizes, neighbours))])
    return sparse.csr_matrix((nearest.data[kept], nearest.indices[kept], row_splits), shape=nearest.shape)


def _largest_per_row(matrix: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """Keeps the `neighbours` largest values above 0 of each row, in descending order; ties go to the lower column."""
    data, columns, row_splits = [], [], [0]
    for start, stop in itertools.pairwise(matrix.indptr):
        values, books = matrix.data[start:stop], matrix.indices[start:stop]
        if len(values) > neighbours:
            candidates = values >= max(np.partition(values, -neighbours)[-neighbours], np.finfo(np.float32).tiny)
        else:
            candidates = values > 0
        values, books = values[candidates], books[candidates]
        order = np.lexsort((books, -values))[:neighbours]
        data.append(values[order])
        columns.append(books[order])
        row_splits.append(row_splits[-1] + len(order))
    return sparse.csr_matrix((np.concatenate(data), np.concatenate(columns), row_splits), shape=matrix.shape)


def book_products(interactions: sparse.csr_matrix) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """Yields the first book of each block, and `[block, books]` of X'X: for a 0/1 X, the common users of two books."""
    by_book = interactions.T.tocsr()
    for start in range(0, by_book.shape[0], BLOCK_BOOKS):
        # [block, users] @ [users, books] -> [block, books]
        yield start, by_book[start : start + BLOCK_BOOKS] @ interactions
