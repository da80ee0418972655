"""The benchmark's own hold-out split, independent of the pipeline's code."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from data.histories import Histories, Interactions, group_by_user
from transform import features

HELD_OUT_SHARE: Final = 0.2
LEAST_BOOKS: Final = 3


class Holdout(NamedTuple):
    """Reviews split into training and held-out books."""

    reviews: pd.DataFrame
    """The training reviews."""

    users: list[str]
    books: list[str]
    """The books of the training reviews."""

    training: Histories
    wanted: Histories
    """The held-out books that are in the training reviews, by user."""

    unfindable: np.ndarray
    """`[users]`: number of each user's held-out books that are not in the training reviews."""


def read_reviews(path: Path) -> pd.DataFrame:
    """Returns the last review of each user and book."""
    files = sorted(path.glob("*.csv*")) if path.is_dir() else [path]
    columns = [features.USER, features.ISBN, features.RATING, features.GENRES]
    reviews = pd.concat(pd.read_csv(file, usecols=columns, dtype=str, keep_default_na=False) for file in files)
    return reviews.drop_duplicates([features.USER, features.ISBN], keep="last")


def thinned(reviews: pd.DataFrame, most_books: int, seed: int) -> pd.DataFrame:
    """Returns at most `most_books` random reviews of each user."""
    shuffled = reviews.sample(frac=1, random_state=seed)
    return shuffled[shuffled.groupby(features.USER).cumcount() < most_books].sort_index()


def held_out(reviews: pd.DataFrame, seed: int) -> Holdout:
    """Holds out a random fifth of each user's books, at least one. Users with fewer than three books are dropped."""
    sizes = reviews.groupby(features.USER)[features.ISBN].transform("size")
    reviews, sizes = reviews[sizes >= LEAST_BOOKS], sizes[sizes >= LEAST_BOOKS]
    order = pd.Series(np.random.default_rng(seed).random(len(reviews)), reviews.index)
    rank = order.groupby(reviews[features.USER].to_numpy()).rank(method="first") - 1
    taken = rank < np.maximum(np.floor(HELD_OUT_SHARE * sizes + 1e-9), 1)
    training, test = reviews[~taken], reviews[taken]
    users, books = (pd.Index(training[name].unique()) for name in (features.USER, features.ISBN))
    rows, columns = users.get_indexer(test[features.USER]), books.get_indexer(test[features.ISBN])
    known = columns >= 0
    return Holdout(
        training,
        list(users),
        list(books),
        _histories(users.get_indexer(training[features.USER]), books.get_indexer(training[features.ISBN]), len(users)),
        _histories(rows[known], columns[known], len(users)),
        np.bincount(rows[~known], minlength=len(users)),
    )


def _histories(users: np.ndarray, books: np.ndarray, count: int) -> Histories:
    return group_by_user(Interactions(users.astype(np.int32), books.astype(np.int32)), count)
