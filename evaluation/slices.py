"""Slices of users, books and held-out interactions, which show for whom and for which books a ranking works."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evaluation.beyond_accuracy import Genres

Ids = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]

ACTIVITIES: Final = ("few", "some", "many")
POPULARITIES: Final = ("head", "torso", "tail")


def activity_slices(sizes: Ids) -> dict[str, Flags]:
    """Splits users by the number of books they have read, at the terciles of these users.

    The first bound is the smallest size that at least a third of the users do not exceed; the second, two thirds. "few"
    is up to the first, "some" up to the second, "many" above. Users with equal sizes stay together. So the slices are
    only about equally large, and "some" or "many" may be empty.

    Args:
      sizes: `[n]`, the length of each hold-out user's training history.

    Returns:
      `[n]` masks by name; each user is in exactly one.
    """
    users = len(sizes)
    ordered = np.sort(sizes)
    # Rounding up in integers: a third of a number is not exact in floating point.
    bounds = ordered[[(users + 2) // 3 - 1, (2 * users + 2) // 3 - 1]] if users else ordered
    classes = np.searchsorted(bounds, sizes, side="left")
    return {name: classes == index for index, name in enumerate(ACTIVITIES)}


def popularity_classes(counts: Ids) -> npt.NDArray[np.int8]:
    """Splits books into head, torso and tail, each with about a third of all interactions.

    Books are sorted by descending count, ties by id. A book belongs to the third in which its interactions begin. The
    head is the fewest books that reach the first third, the torso the next books that reach the second. The tail is the
    rest, with all unread books.

    Args:
      counts: `[m]`, training interactions of each book.

    Returns:
      `[m]`: index into `POPULARITIES`.
    """
    order = np.argsort(-counts, kind="stable")
    falling = counts[order]
    before, total = np.cumsum(falling) - falling, falling.sum()
    classes = np.empty(len(counts), np.int8)
    classes[order] = (3 * before >= total).astype(np.int8) + (3 * before >= 2 * total)
    return classes


def recall_by_class(
    ranked: Ids, hits: Flags, heldout_books: Ids, classes: npt.NDArray[np.int8], k: int
) -> dict[str, tuple[float, int]]:
    """Returns recall over all held-out interactions of head, torso and tail books.

    It is |hits within k on books of the class| / |held-out interactions of the class|. Every interaction counts the
    same, not every user (micro-average; Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 13.6).

    Args:
      ranked: `[n, K]` book ids, best first, -1 where no book was left.
      hits: `[n, K]`, whether the book on each rank was held out.
      heldout_books: `[h]`, the book of each held-out interaction of these users.
      classes: `[m]`, from `popularity_classes`.
      k: number of ranks that count, at most `K`.

    Returns:
      Recall and number of held-out interactions by name; without interactions the recall is 0.
    """
    membership = classes[:, np.newaxis] == np.arange(len(POPULARITIES))
    recalls, counts = _recalls(ranked, hits, heldout_books, membership.astype(np.float64), k)
    return {name: (float(recalls[i]), int(counts[i])) for i, name in enumerate(POPULARITIES)}


def recall_by_genre(
    ranked: Ids, hits: Flags, heldout_books: Ids, genres: Genres, k: int, most: int = 10
) -> dict[str, tuple[float, int]]:
    """Returns recall over all held-out interactions of the books of a genre, as in `recall_by_class`.

    A book with several genres counts in each of them.

    Args:
      ranked: `[n, K]` book ids, best first, -1 where no book was left.
      hits: `[n, K]`, whether the book on each rank was held out.
      heldout_books: `[h]`, the book of each held-out interaction of these users.
      genres: of `m` books.
      k: number of ranks that count, at most `K`.
      most: maximum number of genres to return.

    Returns:
      Recall and number of held-out interactions for the `most` genres with the most interactions, in descending order;
      genres without interactions are left out.
    """
    recalls, counts = _recalls(ranked, hits, heldout_books, genres.matrix, k)
    largest = np.argsort(-counts, kind="stable")[:most]
    return {genres.names[i]: (float(recalls[i]), int(counts[i])) for i in largest if counts[i]}


def _recalls(
    ranked: Ids, hits: Flags, heldout_books: Ids, membership: Any, k: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns `[c]` recalls and `[c]` held-out interactions for a dense or sparse 0/1 `membership` `[m, c]`."""
    books = membership.shape[0]
    found = np.bincount(ranked[:, :k][hits[:, :k]], minlength=books)
    possible = np.bincount(heldout_books, minlength=books)
    # [2, m] @ [m, c] -> [2, c]
    gains, limits = np.stack([found, possible]) @ membership
    return np.divide(gains, limits, out=np.zeros(len(limits)), where=limits > 0), limits
