"""Popularity for recommendations to unknown users: a user of few books counts less than one of many.

Recommendations to unknown users decide how a book is first seen, and accounts are free. 250 accounts with three books
each are as many as the users of a best seller. Only books cost an account something, so they set its weight.
"""

import numpy as np
import numpy.typing as npt

from data.histories import Histories

Popularity = npt.NDArray[np.float32]


def popularity_for_strangers(histories: Histories, books: int) -> Popularity:
    """Returns float32 `[books]`: the weighted share of users who have read the book, from 0 to 1.

    A user of n books weighs min(1, n / m), where m is the median over all interactions of their user's number of books.
    So half of the interactions are of users with m books or more, who count in full. No users: 0.

    Args:
      histories: all books that each user is known to have read.
      books: number of all books.
    """
    sizes = histories.sizes()
    of_each = np.repeat(sizes, sizes)
    if not len(of_each):
        return np.zeros(books, np.float32)
    weights = np.minimum(sizes / np.median(of_each), 1)
    summed = np.bincount(histories.books, np.repeat(weights, sizes), books)
    return (summed / weights.sum()).astype(np.float32)
