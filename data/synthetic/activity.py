"""The number of reviews of each user: most have one or two, a few have thousands."""

import math
from typing import Final

import numpy as np

from data.synthetic.draws import Integers

# The notebook's reviews: 2.45 per user; 18.5 % of the users have three or more, 7.7 on average.
NOTEBOOK_MEAN: Final = 2.452
NOTEBOOK_CASUAL_SHARE: Final = 0.815
NOTEBOOK_READER_MEAN: Final = 7.68
SECOND_SHARE: Final = 0.27
CASUAL_MEAN: Final = 1 + SECOND_SHARE

# A user with at least this many reviews is a "reader" here, one with fewer is casual.
READER_MINIMUM: Final = 3
BISECTIONS: Final = 60


def reviews_per_user(reviews: int, users: int, most: int) -> Integers:
    """Returns the number of reviews of each user, `[users]`, the least active first. They add up to `reviews`.

    Casual users have one or two reviews. Readers have three or more, in a Lomax distribution with exponent 2. Its
    quantiles need only a square root, and its scale makes the sum right.

    Args:
      reviews: the sum, from `users` to half of `users * most`.
      users: the number of users.
      most: maximum number of reviews per user, at least 10.
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
    # Rounded up: if there are few readers, one too few would leave more reviews than their bounds allow.
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
