"""Beyond-accuracy metrics of recommendations: coverage, novelty, diversity, and affinity to the reader's genres.

All take `ranked` int32 `[n, k]`, the books recommended to `n` readers, best first, -1 where no book was left. `m` is
the number of books. A list's mean is NaN if the list has no value to average.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

BLOCK_USERS: Final = 1024

Ids = npt.NDArray[np.integer]
Values = npt.NDArray[np.float64]


class Genres(NamedTuple):
    """The genres of all books."""

    matrix: Any
    """SciPy CSR, float64 `[m, genres]`: 1 where the book has the genre."""

    names: tuple[str, ...]
    """`[genres]`, sorted."""


def genres_of_books(book_ids: Sequence[int], genre_lists: Sequence[Sequence[bytes | str]], books: int) -> Genres:
    """Returns the genres of all books.

    Args:
      book_ids: `[r]`, each from 0 to `books - 1`; a repeated book has the genres of all its rows.
      genre_lists: `[r]`, the genres of each row, UTF-8.
      books: number of all books; a book that is not in `book_ids` has no genres.
    """
    decoded = [g.decode() if isinstance(g, bytes) else g for genres in genre_lists for g in genres]
    names = tuple(sorted(set(decoded)))
    columns = {name: column for column, name in enumerate(names)}
    rows = [book for book, genres in zip(book_ids, genre_lists, strict=True) for _ in genres]
    places = (np.array(rows, np.int32), np.array([columns[name] for name in decoded], np.int32))
    matrix = sparse.csr_array((np.ones(len(decoded)), places), shape=(books, len(names)))
    matrix.data[:] = 1
    return Genres(matrix, names)


def coverage(ranked: Ids, books: int) -> float:
    """Returns |distinct recommended books| / |books|; no books: 0.

    Source: Herlocker et al., Evaluating collaborative filtering recommender systems, ACM TOIS 22(1), 2004
    ("catalog coverage").
    """
    return _distinct(ranked) / books if books else 0.0


def reachable_coverage(ranked: Ids, books: int) -> float:
    """Returns |distinct recommended books| / min(|books|, |recommendations|), where -1 is no recommendation.

    It is `coverage` divided by the maximum for this number of recommendations, so few readers can reach 1 too. No
    recommendations or no books: 0.
    """
    most = min(books, int((ranked >= 0).sum()))
    return _distinct(ranked) / most if most else 0.0


def gini(ranked: Ids, books: int) -> float:
    """Returns the Gini index of the books' exposure: 0 if it is equal, 1 - 1 / |books| if one book has all of it.

    With x_1 <= ... <= x_m, how often each of ALL books is recommended, it is sum_i (2 i - m - 1) x_i / (m sum_i x_i).
    With fewer recommendations than books it is at least 1 - recommendations / books. No recommendations: 0. Source:
    Gini, Variabilità e mutabilità, 1912; for recommendations Fleder and Hosanagar, Blockbuster culture's next rise or
    fall, Management Science 55(5), 2009.
    """
    shown = np.sort(np.bincount(ranked[ranked >= 0], minlength=books))
    total = int(shown.sum())
    weights = 2 * np.arange(1, books + 1) - books - 1
    return float(weights @ shown / (books * total)) if total else 0.0


def novelty(ranked: Ids, counts: Ids, users: int) -> Values:
    """Returns the mean over the list of -log2(users of the book / users), its self-information in bits, `[n]`.

    Source: Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems, PNAS 107(10), 2010.

    Args:
      ranked: `[n, k]`.
      counts: `[m]`, training users of each book; 0 counts as 1.
      users: number of training users, at least 1.
    """
    return _list_means(ranked, np.log2(users) - np.log2(np.maximum(counts, 1)))


def popularity_percentile(ranked: Ids, counts: Ids) -> Values:
    """Returns the mean over the list of the share of books that are less popular, `[n]`, between 0 and 1.

    Equally popular books, the book itself included, count half, so a random book has 0.5 on average (mid-rank: Kendall,
    The treatment of ties in ranking problems, Biometrika 33(3), 1945).

    Args:
      ranked: `[n, k]`.
      counts: `[m]`, training users of each book.
    """
    ordered = np.sort(counts)
    below, not_above = (np.searchsorted(ordered, counts, side) for side in ("left", "right"))
    return _list_means(ranked, (below + not_above) / (2 * max(len(counts), 1)))


def intra_list_diversity(ranked: Ids, genres: Genres) -> Values:
    """Returns the mean over the pairs of books in the list of 1 - |common genres| / |genres of either|, `[n]`.

    Only books with genres make pairs. 0: all have the same genres; 1: no two share one; NaN: no pair. Source: 1 minus
    the intra-list similarity of Ziegler et al., Improving recommendation lists through topic diversification, WWW 2005,
    with the similarity of Jaccard, The distribution of the flora in the alpine zone, 1912.
    """
    return np.concatenate([np.zeros(0), *(_diversity(books) for _, books in _genre_blocks(ranked, genres))])


def genre_affinity(ranked: Ids, histories_indptr: Ids, histories_books: Ids, users_rows: Ids, genres: Genres) -> Values:
    """Returns the mean over the list of the cosine of a book's genres with the reader's, `[n]`, between 0 and 1.

    The reader's profile is the sum of the genre vectors of the books read, as in content-based recommenders (Pazzani
    and Billsus, Content-based recommendation systems, The Adaptive Web, 2007). Books without genres do not count. NaN:
    the reader or the whole list has no genres.

    Args:
      ranked: `[n, k]`.
      histories_indptr: `[users + 1]`; user i's books are those from `histories_indptr[i]` to `histories_indptr[i + 1]`.
      histories_books: `[interactions]`.
      users_rows: `[n]`, which user each list is for.
      genres: of `m` books.
    """
    profiles = _unit_profiles(histories_indptr, histories_books, users_rows, genres)
    blocks = _genre_blocks(ranked, genres)
    return np.concatenate([np.zeros(0), *(_affinity(profiles[place], books) for place, books in blocks)])


def random_affinity(histories_indptr: Ids, histories_books: Ids, users_rows: Ids, genres: Genres) -> Values:
    """Returns the expected `genre_affinity` of random books: the mean over ALL books with genres, `[n]`.

    It is exact: the mean of a profile's cosines is its product with the mean of the books' unit vectors. The ratio of
    `genre_affinity` to it is the lift over chance. NaN: the reader has no genres.

    Args:
      histories_indptr: `[users + 1]`, as for `genre_affinity`.
      histories_books: `[interactions]`.
      users_rows: `[n]`.
      genres: of `m` books.
    """
    sizes = genres.matrix.sum(axis=1)
    having = int((sizes > 0).sum())
    if not having:
        return np.full(len(users_rows), np.nan)
    # [m] @ [m, genres] -> [genres]
    total = (1 / np.sqrt(np.maximum(sizes, 1))) @ genres.matrix
    return _unit_profiles(histories_indptr, histories_books, users_rows, genres) @ (total / having)


def _distinct(ranked: Ids) -> int:
    return len(np.unique(ranked[ranked >= 0]))


def _list_means(ranked: Ids, values: Values) -> Values:
    """Returns `[n]`: the mean of `values` `[m]` over each list."""
    # -1 (no book) indexes the last value, NaN.
    return _row_means(np.append(values, np.nan)[ranked])


def _row_means(values: Values) -> Values:
    """Returns `[n]`: the mean of each row of `[n, k]`, ignoring NaN."""
    counted = ~np.isnan(values)
    sizes = counted.sum(axis=1)
    return np.divide(np.where(counted, values, 0).sum(axis=1), sizes, out=np.full(len(values), np.nan), where=sizes > 0)


def _genre_blocks(ranked: Ids, genres: Genres) -> Iterator[tuple[slice, Values]]:
    """Yields each block of users as a slice, with the genres of its recommended books, `[block, k, genres]`."""
    # -1 (no book) maps to the last row, which has no genres.
    matrix = sparse.vstack([genres.matrix, sparse.csr_array((1, len(genres.names)))], format="csr")
    for start in range(0, len(ranked), BLOCK_USERS):
        block = ranked[start : start + BLOCK_USERS]
        rows = matrix[np.where(block < 0, matrix.shape[0] - 1, block).ravel()]
        yield slice(start, start + len(block)), rows.toarray().reshape(*block.shape, len(genres.names))


def _diversity(books: Values) -> Values:
    """Returns `[block]`: the diversity of lists of books with genres `[block, k, genres]`."""
    sizes = books.sum(axis=2)
    # [block, k, genres] @ [block, genres, k] -> [block, k, k]
    common = books @ books.transpose(0, 2, 1)
    either = sizes[:, :, np.newaxis] + sizes[:, np.newaxis, :] - common
    similarities = (common / np.maximum(either, 1)).sum(axis=(1, 2))
    having = (sizes > 0).sum(axis=1)
    # The sum counts each pair twice, and each book with itself.
    pairs = having * (having - 1)
    similarity = np.divide(similarities - having, pairs, out=np.full(len(books), np.nan), where=pairs > 0)
    return 1 - similarity


def _affinity(profiles: Values, books: Values) -> Values:
    """Returns `[block]`: the mean cosine of unit `profiles` `[block, genres]` with `[block, k, genres]`."""
    # [block, k, genres] @ [block, genres, 1] -> [block, k, 1]
    products = (books @ profiles[:, :, np.newaxis])[:, :, 0]
    lengths = np.sqrt(books.sum(axis=2))
    return _row_means(np.divide(products, lengths, out=np.full(lengths.shape, np.nan), where=lengths > 0))


def _unit_profiles(indptr: Ids, books: Ids, rows: Ids, genres: Genres) -> Values:
    """Returns `[n, genres]`: the sum of the genres of the books read, scaled to length 1; NaN without any."""
    shape = (len(indptr) - 1, genres.matrix.shape[0])
    histories = sparse.csr_array((np.ones(len(books)), books, indptr), shape=shape)
    # [n, m] @ [m, genres] -> [n, genres]
    profiles = (histories[rows] @ genres.matrix).toarray()
    lengths = np.linalg.norm(profiles, axis=1, keepdims=True)
    return np.divide(profiles, lengths, out=np.full(profiles.shape, np.nan), where=lengths > 0)
