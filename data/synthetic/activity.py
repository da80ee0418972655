"""How many reviews each user has: most have one or two, a few have thousands."""

import math
from typing import Final

import numpy as np

from data.synthetic.draws import Integers

# The notebook's reviews: 2.45 a user, of whom 18.5 % have three or more, on average 7.7.
NOTEBOOK_MEAN: Final = 2.452
NOTEBOOK_CASUAL_SHARE: Final = 0.815
NOTEBOOK_READER_MEAN: Final = 7.68
SECOND_SHARE: Final = 0.27
CASUAL_MEAN: Final = 1 + SECOND_SHARE

# With this many reviews a user is a reader, no longer a casual one.
READER_MINIMUM: Final = 3
BISECTIONS: Final = 60


def reviews_per_user(reviews: int, users: int, most: int) -> Integers:
    """Returns how many reviews each user has, shape `[users]`, the least active first. They add up to `reviews`.

    Casual users have one review or two. Readers have three or more, spread like a Lomax distribution with exponent 2,
    whose quantiles need nothing but a square root; its scale is what makes the sum right.

    Args:
      reviews: the sum, from `users` to half of `users * most`.
      users: the number of users.
      most: the most reviews that one user can have, at least 10.
    """
    readers = _number_of_readers(reviews, users)
    casual = users - readers
    twos = int(casual * SECOND_SHARE) if readers else reviews - users
    counts = np.ones(users, np.int64)
    counts[casual - twos : casual] = 2
    if readers:
        counts[casual:] = _reader_counts(reviews - casual - twos, readers, most)
    return counts


def _number_of_readers(reviews: int, users: int) -> int:
    mean = reviews / users
    if mean <= CASUAL_MEAN:
        return 0
    if mean < NOTEBOOK_MEAN:
        share = (mean - CASUAL_MEAN) / (NOTEBOOK_READER_MEAN - CASUAL_MEAN)
    else:
        share = 1 - NOTEBOOK_CASUAL_SHARE * NOTEBOOK_MEAN / mean
    # Rounded up: one reader too few, of a handful, and no share of the reviews would be within bounds.
    return math.ceil(users * share)


def _reader_counts(total: int, readers: int, most: int) -> Integers:
    least = min(READER_MINIMUM, total // readers)
    quantiles = (np.arange(readers) + 0.5) / readers
    excess = 1 / np.sqrt(1 - quantiles) - 1

    def counts_at(scale: float) -> Integers:
        return np.minimum(least + np.floor(scale * excess), most).astype(np.int64)

    low, high = 0.0, float(total)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if int(counts_at(middle).sum()) <= total:
            low = middle
        else:
            high = middle
    counts = counts_at(low)
    while (missing := total - int(counts.sum())) > 0:
        counts[np.flatnonzero(counts < most)[-missing:]] += 1
    return counts
