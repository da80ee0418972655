"""Exports of one shop's reviews, week after week, honest ones and ones with made-up accounts; and models of them."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from components.evaluation.retrieval_evaluator import Holdout
from components.splitting.rules import EVERY_USER, held_out, keep_interactions
from components.splitting.split_parameters import SplitParameters
from data.example_schema import EXAMPLE_SCHEMA
from data.histories import Interactions
from data.synthetic.interactions import Interactions as MadeUp
from data.synthetic.parameters import SyntheticParameters
from evaluation.beyond_accuracy import genres_of_books
from transform import features
from transform.vocabulary import Vocabulary

READERS, BOOKS, REVIEWS, BOTS = 2_400, 2_000, 60_000, 250
WEEKS, GROWTH = 10, 1.02
SPLIT = SplitParameters()


class Reviews(NamedTuple):
    """Who reviewed what, by names, in the order of the export."""

    users: np.ndarray
    books: np.ndarray

    def __add__(self, other: "Reviews") -> "Reviews":  # type: ignore[override]
        return Reviews(*(np.concatenate(each) for each in zip(self, other, strict=True)))


def weekly_exports(seed: int = 1) -> list[Reviews]:
    """Returns `WEEKS + 1` exports, each with 2 % more reviews than the one before it."""
    sizes = [round(REVIEWS * GROWTH**week) for week in range(WEEKS + 1)]
    made = MadeUp(SyntheticParameters(reviews=sizes[-1], users=READERS, books=BOOKS, seed=seed))
    users = np.array([b"reader %d" % user for user in range(READERS)])[made.user]
    books = np.array([b"book %d" % book for book in range(BOOKS)])[made.book]
    return [Reviews(users[:size], books[:size]) for size in sizes]


def least_read(export: Reviews) -> bytes:
    """Returns a book of one reader, the first by name."""
    names, counts = np.unique(export.books, return_counts=True)
    return bytes(names[np.argmin(counts)])


def bots(export: Reviews, target: bytes, others: int, among: int, seed: int = 0, accounts: int = BOTS) -> Reviews:
    """Returns the reviews of made-up accounts, each of `target` and of `others` of the `among` most popular books."""
    names, counts = np.unique(export.books, return_counts=True)
    popular = names[np.argsort(-counts, kind="stable")[:among]]
    random = np.random.default_rng(seed)
    books = [np.append(random.choice(popular, others, replace=False), target) for _ in range(accounts)]
    users = np.repeat(np.array([b"account %d" % number for number in range(accounts)]), others + 1)
    return Reviews(users, np.concatenate(books))


def holdout_of(export: Reviews) -> Holdout:
    """Splits an export as InteractionSplitter does, and gives ids by frequency as Transform does."""
    rows = len(export.users)
    columns = {
        features.USER: export.users.tolist(),
        features.ISBN: export.books.tolist(),
        features.RATING: [3.0] * rows,
        features.GENRES: [[]] * rows,
    }
    table = pa.table(
        {
            field.name: pa.array(
                [[value] for value in columns[field.name]] if field.name != features.GENRES else columns[field.name],
                field.type,
            )
            for field in EXAMPLE_SCHEMA
        }
    )
    kept = keep_interactions(table, SPLIT.min_reviews)
    out = held_out(kept, SPLIT, int(EVERY_USER))
    users, books = (
        np.array(kept.table[name].combine_chunks().flatten().to_pylist()) for name in (features.USER, features.ISBN)
    )
    user_names, user_ids = _by_frequency(users[~out], users)
    book_names, book_ids = _by_frequency(books[~out], books)
    known = (user_ids >= 0) & (book_ids >= 0)
    train, heldout = (Interactions(user_ids[part & known], book_ids[part & known]) for part in (~out, out))
    return Holdout(
        Vocabulary(user_names, np.bincount(train.users, minlength=len(user_names))),
        Vocabulary(book_names, np.bincount(train.books, minlength=len(book_names))),
        train,
        heldout,
        genres_of_books([], [], len(book_names)),
    )


def _by_frequency(training: np.ndarray, all_rows: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    names, counts = np.unique(training, return_counts=True)
    names = names[np.argsort(-counts, kind="stable")]
    ids = {name: number for number, name in enumerate(names.tolist())}
    return names.tolist(), np.array([ids.get(name, -1) for name in all_rows.tolist()], np.int32)
