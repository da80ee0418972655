"""Full ranking of all books for hold-out users, in blocks of users: bounded memory, one protocol for every scorer."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from trainer import metrics
from trainer.interactions import Histories, Ids, row_entries
from trainer.side_by_side import side_by_side
from transform.progress import track

# Scores of a block of users, 4 bytes each; two blocks are in memory at a time.
BLOCK_SCORES: Final = 16_000_000
NO_BOOK: Final = -1

# Into so many times as many groups as books are wanted, the scores of a reader are dealt; see `top`.
GROUPS: Final = 8
LEAST: Final = np.finfo(np.float32).min

Scores = npt.NDArray[np.float32]

# [users] -> [users, books], which is the caller's to overwrite.
Scorer = Callable[[Ids], Scores]

# What is found of a block of users.
Found = TypeVar("Found")


class Rankings(NamedTuple):
    """The best books for some users, and which of them were held out."""

    users: Ids
    """`[n]`"""

    books: Ids
    """`[n, k]`, best first; `NO_BOOK` where none is left."""

    hits: npt.NDArray[np.bool_]
    """`[n, k]`: whether the book was held out."""

    relevant: Ids
    """`[n]`: how many books were held out."""


def rank(score: Scorer, users: Ids, training: Histories, heldout: Histories, books: int, k: int) -> Rankings:
    """Ranks all books for `users`, their training books left out, and compares with what was held out.

    Args:
      score: returns float `[users, books]` for int `[users]`; minus infinity: never recommended. Threads share it.
      users: `[n]` hold-out users.
      training: the books to leave out.
      heldout: the books to find.
      books: how many books there are.
      k: length of the ranking; padded with `NO_BOOK` where there are fewer books.
    """

    def best(block: Ids) -> Ids:
        scores = score(block)
        scores[row_entries(training, block)] = -np.inf
        return top(scores, k)[1]

    return _compared(by_blocks(best, users, books), users, heldout, k)


def rank_alike(scores: Scores, users: Ids, training: Histories, heldout: Histories, k: int) -> Rankings:
    """Ranks as `rank` does where every reader has the same finite `scores` `[books]`: one order serves all of them.

    A reader's own books are passed over, so that no more places count than k and as many as the reader has read books.
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
    """Returns `[n]`: the Recall@k of a full ranking, from where the held-out books stand in it: nothing is sorted.

    Args:
      scores: `[n, books]`; those of training books are overwritten.
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
    """Returns what `of_block` gives for portions of `users`, in their order: two at a time, and tells of it.

    Args:
      of_block: takes int `[n]`: users whose scores of all books by some models may be in memory; threads share it.
      users: `[n]`, of all portions.
      books: how many books there are.
      models: by how many models each book is scored.
    """
    with track("ranking", len(users), "readers") as further, side_by_side() as pool:

        def found(block: Ids) -> Found:
            of_these = of_block(block)
            further(len(block))
            return of_these

        size = max(BLOCK_SCORES // max(books * models, 1), 1)
        return list(pool.map(found, (users[start : start + size] for start in range(0, len(users), size))))


def find_hits(ranked: Ids, users: Ids, heldout: Histories) -> npt.NDArray[np.bool_]:
    """Returns `[n, k]`: whether each book was held out, by looking each pair up among the sorted ones.

    Args:
      ranked: `[n, k]` books; `NO_BOOK` is no hit.
      users: `[n]`, whom the books were ranked for.
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
    """Returns how many books stand before `book`, of equals the first ones; infinity if it is never recommended."""
    own = scores[book]
    if not np.isfinite(own):
        return np.inf
    return float(np.count_nonzero(scores > own) + np.count_nonzero(scores[:book] == own))


def top(scores: Scores, k: int) -> tuple[Scores, Ids]:
    """Returns the `[n, k]` best scores and their books; minus infinity and `NO_BOOK` where none is left.

    Of equals the first book comes first. A row is dealt into groups, a few times as many as books are wanted. The k-th
    of the groups' maxima is reached by at least k scores, and by hardly more: only those are sorted. It is reached by
    most of them where few differ from 0; then the first k of the equal ones do.
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
    """Returns `[users, k]`: the first `values` `[m]` of each row, `rows` `[m]` rising, and `nothing` after the last."""
    slots = np.arange(len(rows)) - np.searchsorted(rows, np.arange(users))[rows]
    kept = slots < k
    first = np.full((users, k), nothing, values.dtype)
    first[rows[kept], slots[kept]] = values[kept]
    return first
