"""The transformed interactions in memory: integers, a few bytes a row."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
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
    """How many were left out because their user or book has no id."""

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.users)


class Histories(NamedTuple):
    """The books of each user, as the rows of a sparse matrix."""

    row_splits: Ids
    """`[users + 1]`: user i's books stand from `row_splits[i]` to `row_splits[i + 1]`."""

    books: Ids
    """`[n]`, in the order of the input for each user."""

    def sizes(self) -> Ids:
        """Returns `[users]`: the number of books of each user."""
        return np.diff(self.row_splits)


def read_interactions(patterns: Iterable[str]) -> Interactions:
    """Reads the Parquet files that `patterns` match, and drops rows whose user or book has no id."""
    columns = [features.USER_ID, features.BOOK_ID]
    tables = []
    for path in sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern)):
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


def joined(first: Interactions, second: Interactions) -> Interactions:
    """Returns the pairs of both."""
    return Interactions(
        np.concatenate([first.users, second.users]),
        np.concatenate([first.books, second.books]),
        first.left_out + second.left_out,
    )


def _flat(tables: list[pa.Table], name: str) -> Ids:
    parts = [chunk.flatten() for table in tables for chunk in table.column(name).chunks]
    return np.concatenate([np.asarray(part) for part in parts] or [np.zeros(0)]).astype(np.int32)
