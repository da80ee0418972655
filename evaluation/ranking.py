"""Ranks all books for hold-out users, in blocks of users: bounded memory, one protocol for every scorer."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from core.progress import track
from data.histories import Histories, Ids, row_entries
from evaluation import metrics
from evaluation.side_by_side import side_by_side

# Maximum number of scores in a block of users, 4 bytes each; two blocks are in memory at a time.
BLOCK_SCORES: Final = 16_000_000
NO_BOOK: Final = -1

# `top` splits a user's scores into this number of groups per wanted book.
GROUPS: Final = 8
LEAST: Final = np.finfo(np.float32).min

Scores = npt.NDArray[np.float32]

# [users] -> [users, books], which the caller may overwrite.
Scorer = Callable[[Ids], Scores]

# The result for a block of users.
Found = TypeVar("Found")


class Rankings(NamedTuple):
    """The best books for some users, and whether each was held out."""

    users: Ids
    """`[n]`"""

    books: Ids
    """`[n, k]`, best first; `NO_BOOK` where none is left."""

    hits: npt.NDArray[np.bool_]
    """`[n, k]`: whether the book was held out."""

    relevant: Ids
    """`[n]`: number of held-out books."""


def rank(score: Scorer, users: Ids, training: Histories, heldout: Histories, books: int, k: int) -> Rankings:
    """Ranks all books but the training books for `users`, and marks the held-out books.

    Args:
      score: returns float `[users, books]` for int `[users]`; minus infinity: never recommended. Threads share it.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      books: number of all books.
      k: length of the ranking; padded with `NO_BOOK` if fewer books are left.
    """

    def best(block: Ids) -> Ids:
        scores = score(block)
        scores[row_entries(training, block)] = -np.inf
        return top(scores, k)[1]

    return _compared(by_blocks(best, users, books), users, heldout, k)


def rank_alike(scores: Scores, users: Ids, training: Histories, heldout: Histories, k: int) -> Rankings:
    """Ranks as `rank` does, with the same finite `scores` `[books]` for every user, so one sort serves all users.

    Only the first ranks matter: k, and one more for each training book of the user, which is skipped.
    """
    order: Ids = np.argsort(-scores, kind="stable").astype(np.int32)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))

    def best(block: Ids) -> Ids:
        width = min(k + int(training.sizes()[block].max(initial=0)), len(order))
        left = np.ones((len(block), width), np.bool_)
        rows, seen = row_entries(training, block)
        near = place[seen] < width
        left[rows[near], place[seen[near]]] = False
        readers, places = np.nonzero(left)
        return _first_of_each(readers, order[places], len(block), k, NO_BOOK)

    return _compared(by_blocks(best, users, len(order)), users, heldout, k)


def mean_recall(score: Scorer, users: Ids, training: Histories, heldout: Histories, books: int, k: int) -> float:
    """Returns the mean Recall@k of a full ranking; see `rank`."""
    recalls = by_blocks(lambda block: recall(score(block), block, training, heldout, k), users, books)
    return metrics.mean(np.concatenate([np.zeros(0), *recalls]))


def recall(scores: Scores, users: Ids, training: Histories, heldout: Histories, k: int) -> metrics.Values:
    """Returns `[n]`: the Recall@k of a full ranking, from the ranks of the held-out books alone, without a sort.

    Args:
      scores: `[n, books]`; the scores of training books are overwritten.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      k: length of the ranking.
    """
    scores[row_entries(training, users)] = -np.inf
    rows, wanted = row_entries(heldout, users)
    found = [_place(scores[row], book) < k for row, book in zip(rows, wanted, strict=True)]
    return metrics.ratio(np.bincount(rows, found, len(users)), heldout.sizes()[users])


def by_blocks(of_block: Callable[[Ids], Found], users: Ids, books: int, models: int = 1) -> list[Found]:
    """Returns the results of `of_block` for blocks of `users`, in order; runs two blocks at a time and logs progress.

    Args:
      of_block: takes int `[n]`, few enough users to hold all their scores in memory; threads share it.
      users: `[n]`, the users of all blocks.
      books: number of all books.
      models: number of models that score each book.
    """
    with track("ranking", len(users), "readers") as further, side_by_side() as pool:

        def found(block: Ids) -> Found:
            of_these = of_block(block)
            further(len(block))
            return of_these

        size = max(BLOCK_SCORES // max(books * models, 1), 1)
        return list(pool.map(found, (users[start : start + size] for start in range(0, len(users), size))))


def find_hits(ranked: Ids, users: Ids, heldout: Histories) -> npt.NDArray[np.bool_]:
    """Returns `[n, k]`: whether each book was held out. Looks each pair of user and book up among the held-out pairs.

    Args:
      ranked: `[n, k]` books; `NO_BOOK` is no hit.
      users: `[n]`, the user of each row.
      heldout: the books to find.
    """
    rows, relevant = row_entries(heldout, users)
    books = max(int(ranked.max(initial=0)), int(relevant.max(initial=0))) + 2
    wanted = rows.astype(np.int64) * books + relevant
    asked = np.arange(len(users), dtype=np.int64)[:, np.newaxis] * books + np.where(ranked < 0, books - 1, ranked)
    return np.isin(asked, wanted)


def _compared(ranked: list[Ids], users: Ids, heldout: Histories, k: int) -> Rankings:
    """Returns the rankings of all blocks of `users`, with their hits."""
    books = np.concatenate([np.zeros((0, k), np.int32), *ranked])
    return Rankings(users, books, find_hits(books, users, heldout), heldout.sizes()[users])


def _place(scores: Scores, book: int) -> float:
    """Returns the rank of `book`, from 0; ties go to the lower book id. Infinity: it is never recommended."""
    own = scores[book]
    if not np.isfinite(own):
        return np.inf
    return float(np.count_nonzero(scores > own) + np.count_nonzero(scores[:book] == own))


def top(scores: Scores, k: int) -> tuple[Scores, Ids]:
    """Returns the `[n, k]` best scores and their books; minus infinity and `NO_BOOK` where none is left.

    Ties go to the lower book id. Each row is split into `GROUPS` groups per wanted book. At least k scores, and rarely
    many more, reach the k-th largest of the groups' maxima; only these are sorted. If most scores are 0, many may tie
    there, and only the first k of the ties are kept.
    """
    users, books = scores.shape
    groups = min(GROUPS * k, books)
    deals = books // groups
    maxima = scores[:, : deals * groups].reshape(users, deals, groups).max(axis=1)
    rest = books - deals * groups
    np.maximum(maxima[:, :rest], scores[:, deals * groups :], out=maxima[:, :rest])
    taken = min(k, groups)
    floor = np.partition(maxima, groups - taken, axis=1)[:, groups - taken, np.newaxis]
    floor = np.maximum(floor, LEAST)
    candidates = scores >= floor
    for row in np.flatnonzero(candidates.sum(axis=1) > groups):
        candidates[row, np.flatnonzero(scores[row] == floor[row])[k:]] = False
    rows, found = np.divmod(np.flatnonzero(candidates), books)
    found = found.astype(np.int32)
    values = scores[rows, found]
    order = np.lexsort((-values, rows))
    return _first_of_each(rows, values[order], users, k, -np.inf), _first_of_each(rows, found[order], users, k, NO_BOOK)


def _first_of_each(
    rows: npt.NDArray[Any], values: npt.NDArray[Any], users: int, k: int, nothing: float
) -> npt.NDArray[Any]:
    """Returns `[users, k]`: the first `values` `[m]` of each row, padded with `nothing`; `rows` `[m]` is sorted."""
    slots = np.arange(len(rows)) - np.searchsorted(rows, np.arange(users))[rows]
    kept = slots < k
    first = np.full((users, k), nothing, values.dtype)
    first[rows[kept], slots[kept]] = values[kept]
    return first
