"""Who reviewed which book, and how they rated it.

Books fall into taste groups of equal size: book b is in group b mod G, and is the b div G-th most popular there. A user
has one to three groups and draws most books from them, popular ones more often; a few come from any group. So users of
one group share books. A recommender can learn that, but popularity alone cannot.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.synthetic.activity import reviews_per_user
from data.synthetic.draws import Draws, Integers
from data.synthetic.parameters import SyntheticParameters

Numbers = NDArray[np.int32]
Ratings = NDArray[np.int8]

# Cumulative shares: the number of a user's tastes, and how often each taste is chosen.
TASTE_COUNTS: Final = (0.45, 0.80, 1.0)
TASTE_CHOICES: Final = ((1.0, 1.0, 1.0), (0.65, 1.0, 1.0), (0.5, 0.8, 1.0))
MAX_TASTES: Final = len(TASTE_COUNTS)

# Share of books drawn from any group, not from one of the user's groups.
EXPLORING_SHARE: Final = 0.12

# A group's popularity is 1 / (number + GROUP_OFFSET), a book's in its group 1 / (rank + RANK_OFFSET).
GROUP_OFFSET: Final = 12
RANK_OFFSET: Final = 3

# Share of reviews that repeat the user's previous book, among those that have one.
REPEATING_SHARE: Final = 0.05

UNRATED_SHARE: Final = 0.13
UNRATED: Final = 0

# Bounds that turn a uniform number, shifted by the book's quality and the user's taste, into 1 to 5 stars.
STAR_BOUNDS: Final = (0.05, 0.12, 0.30, 0.62)
QUALITY_RANGE: Final = 0.3
TASTE_SHIFT: Final = 0.06
EXPLORING_SHIFT: Final = -0.18

TASTE_ROUNDS: Final = 4
ROUNDS: Final = 12
CHUNK: Final = 1 << 20


class Interactions:
    """The reviews of a synthetic data set, in random order, as numbers of users and books."""

    def __init__(self, parameters: SyntheticParameters):
        """Makes all reviews. Peak memory is about 65 bytes per review."""
        self._parameters = parameters
        users, seed = parameters.users, parameters.seed
        counts = reviews_per_user(parameters.reviews, users, parameters.most_per_user)
        counts = counts[Draws(seed, "activity").permutation(users)]
        self._tastes, self._taste_counts = self._draw_tastes()
        self.user: Numbers = np.repeat(np.arange(users, dtype=np.int32), counts)
        self.book: Numbers = self._draw_different_books()
        self._repeat_some()
        self._give_every_book_a_review()
        order = Draws(seed, "order").permutation(parameters.reviews)
        self.user, self.book = self.user[order], self.book[order]
        self.rating: Ratings = self._rate()

    def _draw_tastes(self) -> tuple[Numbers, Ratings]:
        users, groups = self._parameters.users, self._parameters.groups
        draws = Draws(self._parameters.seed, "tastes")
        self._group_weights = np.cumsum(1 / (np.arange(groups) + GROUP_OFFSET))
        self._rank_weights = np.cumsum(1 / (np.arange(-(-self._parameters.books // groups)) + RANK_OFFSET))
        tastes = np.empty((users, MAX_TASTES), np.int32)
        for column in range(MAX_TASTES):
            tastes[:, column] = draws.weighted(users, self._group_weights)
        return tastes, draws.weighted(users, np.asarray(TASTE_COUNTS)).astype(np.int8)

    def _draw_books(self, draws: Draws, user: Numbers) -> Numbers:
        """Returns a book for each of `user`, in the shape of `user`, mostly to the user's taste."""
        parameters = self._parameters
        rows = len(user)
        bounds = np.asarray(TASTE_CHOICES)[self._taste_counts[user]]
        # [rows, 1] >= [rows, tastes] -> [rows]
        choice = (draws.uniform(rows)[:, None] >= bounds).sum(axis=1)
        group = self._tastes[user, np.minimum(choice, MAX_TASTES - 1)]
        exploring = draws.uniform(rows) < EXPLORING_SHARE
        group = np.where(exploring, draws.weighted(rows, self._group_weights), group)
        members = (parameters.books - group - 1) // parameters.groups + 1
        reached = draws.uniform(rows) * self._rank_weights[members - 1]
        rank = np.minimum(np.searchsorted(self._rank_weights, reached, side="right"), members - 1)
        return (rank * parameters.groups + group).astype(np.int32)

    def _draw_different_books(self) -> Numbers:
        """Returns a book for each row. A user's books differ, except repeats that remain after `ROUNDS` new draws."""
        draws = Draws(self._parameters.seed, "books")
        book = np.empty(len(self.user), np.int32)
        for start in range(0, len(book), CHUNK):
            rows = slice(start, start + CHUNK)
            book[rows] = self._draw_books(draws, self.user[rows])
        active = np.arange(len(book))
        for turn in range(ROUNDS):
            again = active[self._repeated(active, book)]
            if not len(again):
                break
            if turn < TASTE_ROUNDS:
                book[again] = self._draw_books(draws, self.user[again])
            else:
                book[again] = draws.below(len(again), self._parameters.books)
            unsettled = np.zeros(self._parameters.users, np.bool_)
            unsettled[self.user[again]] = True
            active = np.flatnonzero(unsettled[self.user])
        return book

    def _repeated(self, rows: Integers, book: Numbers) -> NDArray[np.bool_]:
        """Returns a mask over `rows`: True if an earlier one of them has the same user and book."""
        pairs = self.user[rows].astype(np.int64) * self._parameters.books + book[rows]
        return _repeats(pairs)

    def _repeat_some(self) -> None:
        draws = Draws(self._parameters.seed, "repeats")
        repeating = draws.uniform(len(self.book)) < REPEATING_SHARE
        repeating[1:] &= self.user[1:] == self.user[:-1]
        repeating[0] = False
        rows = np.flatnonzero(repeating)
        self.book[rows] = self.book[rows - 1]

    def _give_every_book_a_review(self) -> None:
        """Moves rows from books with several reviews to books without any, within a group where possible."""
        books, groups = self._parameters.books, self._parameters.groups
        missing = np.flatnonzero(np.bincount(self.book, minlength=books) == 0)
        if not len(missing):
            return
        spare = np.flatnonzero(_repeats(self.book))
        spare = spare[Draws(self._parameters.seed, "coverage").permutation(len(spare))]
        missing = missing[np.argsort(missing % groups, kind="stable")]
        spare = spare[np.argsort(self.book[spare] % groups, kind="stable")]
        here, there = missing % groups, self.book[spare] % groups
        position_here = np.arange(len(missing)) - np.searchsorted(here, here)
        position_there = np.arange(len(spare)) - np.searchsorted(there, there)
        wanted = np.bincount(here, minlength=groups)
        offered = np.bincount(there, minlength=groups)
        fits, taken = position_here < offered[here], position_there < wanted[there]
        self.book[spare[taken]] = missing[fits]
        left = missing[~fits]
        self.book[spare[~taken][: len(left)]] = left

    def _rate(self) -> Ratings:
        draws = Draws(self._parameters.seed, "ratings")
        quality = (draws.uniform(self._parameters.books) - 0.5) * QUALITY_RANGE
        rating = np.empty(len(self.book), np.int8)
        for start in range(0, len(rating), CHUNK):
            user, book = self.user[start : start + CHUNK], self.book[start : start + CHUNK]
            # [rows, tastes] == [rows, 1], limited to the tastes that the user has -> [rows]
            known = np.arange(MAX_TASTES) <= self._taste_counts[user][:, None]
            liked = ((self._tastes[user] == (book % self._parameters.groups)[:, None]) & known).any(axis=1)
            score = draws.uniform(len(book)) + quality[book] + np.where(liked, TASTE_SHIFT, EXPLORING_SHIFT)
            stars = 1 + np.searchsorted(np.asarray(STAR_BOUNDS), score, side="right")
            rating[start : start + CHUNK] = np.where(draws.uniform(len(book)) < UNRATED_SHARE, UNRATED, stars)
        return rating


def _repeats(values: NDArray[np.int64] | Numbers) -> NDArray[np.bool_]:
    """Returns a mask in the shape of `values`: True if the value occurred before."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    repeats = np.zeros(len(values), np.bool_)
    repeats[order[1:]] = ordered[1:] == ordered[:-1]
    return repeats
