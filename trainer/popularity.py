"""How popular books are for strangers: a reader of few books counts less than one of many.

What a stranger is recommended decides how a book is first seen, and accounts are free: 250 of them, with three books
each, are as many as the readers of a best seller. Books are what costs an account something, so they are its weight.
"""

import numpy as np
import numpy.typing as npt

from trainer.interactions import Histories

Popularity = npt.NDArray[np.float32]


def popularity_for_strangers(histories: Histories, books: int) -> Popularity:
    """Returns float32 `[books]`: the share of the readers' weights that is of readers of the book, from 0 to 1.

    A reader of n books weighs min(1, n / m). m is the median over all interactions of the number of books of their
    readers: half of what was read, was read by readers of m books or more, each of whom counts in full. No reader: 0.

    Args:
      histories: all books that each reader is known to have read.
      books: how many books there are.
    """
    sizes = histories.sizes()
    of_each = np.repeat(sizes, sizes)
    if not len(of_each):
        return np.zeros(books, np.float32)
    weights = np.minimum(sizes / np.median(of_each), 1)
    summed = np.bincount(histories.books, np.repeat(weights, sizes), books)
    return (summed / weights.sum()).astype(np.float32)
