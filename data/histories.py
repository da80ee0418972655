"""The transformed interactions in memory: integers, a few bytes per row."""

import glob
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
import tensorflow as tf

from transform import features

Ids = npt.NDArray[np.int32]


class Interactions(NamedTuple):
    """Pairs of a user and a book that the user reviewed, in the order of the input."""

    users: Ids
    """`[n]`"""

    books: Ids
    """`[n]`"""

    left_out: int = 0
    """The number of pairs left out because their user or book has no id."""

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.users)


class Histories(NamedTuple):
    """The books of each user, as the rows of a sparse matrix."""

    row_splits: Ids
    """`[users + 1]`: the books of user i are `books[row_splits[i]:row_splits[i + 1]]`."""

    books: Ids
    """`[n]`, in the order of the input for each user."""

    def sizes(self) -> Ids:
        """Returns `[users]`: the number of books of each user."""
        return np.diff(self.row_splits)


def read_interactions(patterns: Iterable[str]) -> Interactions:
    """Returns the interactions in the Parquet files that match `patterns`, without rows whose user or book has no id.

    Only the part after the last slash is a pattern: TFX puts the folder's name before it without escaping.
    """
    columns = [features.USER_ID, features.BOOK_ID]
    tables = []
    folders_and_names = (pattern.rpartition("/") for pattern in patterns)
    literal = [f"{glob.escape(folder)}{slash}{name}" for folder, slash, name in folders_and_names]
    for path in sorted(path for pattern in literal for path in tf.io.gfile.glob(pattern)):
        with tf.io.gfile.GFile(path, "rb") as file:
            tables.append(pq.read_table(pa.BufferReader(file.read()), columns=columns))
    users, books = (_flat(tables, name) for name in columns)
    known = (users != features.OUT_OF_VOCABULARY) & (books != features.OUT_OF_VOCABULARY)
    return Interactions(users[known], books[known], int((~known).sum()))


def group_by_user(interactions: Interactions, users: int) -> Histories:
    """Returns the books of each of `users` users."""
    sizes = np.bincount(interactions.users, minlength=users)
    order = np.argsort(interactions.users, kind="stable")
    row_splits = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return Histories(row_splits, interactions.books[order].astype(np.int32))


def row_entries(histories: Histories, users: Ids) -> tuple[Ids, Ids]:
    """Returns the entries of the rows `users`: `[n]` positions in `users`, and `[n]` books."""
    sizes = histories.sizes()[users]
    rows = np.repeat(np.arange(len(users), dtype=np.int32), sizes)
    starts = histories.row_splits[users] - (np.cumsum(sizes) - sizes)
    return rows, histories.books[np.repeat(starts, sizes) + np.arange(len(rows))]


def withheld(histories: Histories, users: Ids, share: float, seed: int) -> tuple[Histories, Histories]:
    """Returns the histories split into remaining and withheld books.

    Args:
      histories: the books of all users.
      users: `[n]` users whose books are withheld.
      share: share of each such user's books to withhold, rounded down; at least one is withheld and one stays.
      seed: seed of the random choice.

    Returns:
      The remaining and the withheld histories. A user with a single book keeps it.
    """
    sizes = histories.sizes()
    quota = np.zeros(len(sizes), np.int64)
    quota[users] = np.minimum(np.maximum((share * sizes[users] + 1e-9).astype(np.int64), 1), sizes[users] - 1).clip(0)
    rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    order = np.lexsort((np.random.default_rng(seed).random(len(rows)), rows))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - histories.row_splits[rows]
    taken = rank < quota[rows]
    left, out = (group_by_user(Interactions(rows[mask], histories.books[mask]), len(sizes)) for mask in (~taken, taken))
    return left, out


def validation_split(
    histories: Histories, least_books: int, most_users: int, share: float, seed: int
) -> tuple[Ids, Histories, Histories]:
    """Chooses the validation users, and withholds some of their books.

    Args:
      histories: the books of all users.
      least_books: minimum number of books of a validation user.
      most_users: maximum number of validation users, chosen at random if more qualify.
      share: share of each validation user's books to withhold, see `withheld`.
      seed: seed of both random choices.

    Returns:
      `[n]` validation users in ascending order, the remaining histories of all users, and the withheld histories.
    """
    users = np.flatnonzero(histories.sizes() >= least_books).astype(np.int32)
    if len(users) > most_users:
        users = np.sort(np.random.default_rng(seed).choice(users, most_users, replace=False))
    left, out = withheld(histories, users, share, seed)
    return users, left, out


def as_matrix(histories: Histories, books: int) -> sp.csr_matrix:
    """Returns a float32 matrix `[users, books]`: 1 if the user has read the book."""
    ones = np.ones(len(histories.books), np.float32)
    return sp.csr_matrix((ones, histories.books, histories.row_splits), shape=(len(histories.row_splits) - 1, books))


def joined(first: Interactions, second: Interactions) -> Interactions:
    """Returns the pairs of `first`, then those of `second`."""
    return Interactions(
        np.concatenate([first.users, second.users]),
        np.concatenate([first.books, second.books]),
        first.left_out + second.left_out,
    )


def _flat(tables: list[pa.Table], name: str) -> Ids:
    parts = [chunk.flatten() for table in tables for chunk in table.column(name).chunks]
    return np.concatenate([np.asarray(part) for part in parts] or [np.zeros(0)]).astype(np.int32)
