import math
from itertools import combinations

import numpy as np
import pytest

from evaluation import beyond_accuracy
from evaluation.beyond_accuracy import (
    Genres,
    coverage,
    genre_affinity,
    genres_of_books,
    gini,
    intra_list_diversity,
    novelty,
    popularity_percentile,
    random_affinity,
    reachable_coverage,
)

NAN = math.nan
RANKED = np.array([[0, 1, 2], [2, 0, -1], [-1, -1, -1]], np.int32)
NOBODY = np.zeros((0, 3), np.int32)
COUNTS = np.array([8, 2, 0, 2, 1], np.int32)

# Five books: {a, b}, {b, c}, {d}, no genres, {a, b, c}
GENRES = genres_of_books([0, 1, 2, 4], [["a", "b"], ["b", "c"], ["d"], ["c", "a", "b"]], 5)
# Three readers: of books 0 and 1; of none; of book 3, which has no genres
INDPTR, BOOKS = np.array([0, 2, 2, 3], np.int32), np.array([0, 1, 3], np.int32)


def same(values: np.ndarray, expected: list[float]) -> bool:
    assert values.dtype == np.float64
    return values.tolist() == pytest.approx(expected, nan_ok=True)


def test_coverage_by_hand() -> None:
    assert coverage(RANKED, 5) == pytest.approx(3 / 5)
    assert reachable_coverage(RANKED, 5) == pytest.approx(3 / 5)  # five places, five books
    assert reachable_coverage(RANKED, 100) == pytest.approx(3 / 5)  # five places, whatever the number of books
    assert reachable_coverage(RANKED, 4) == pytest.approx(3 / 4)


def test_gini_by_hand() -> None:
    """Shown 0, 0, 1, 2, 2 times, with weights -4, -2, 0, 2, 4: (4 + 8) / (5 * 5)."""
    assert gini(RANKED, 5) == pytest.approx(12 / 25)


def test_gini_of_the_extremes() -> None:
    assert gini(np.arange(12, dtype=np.int32).reshape(4, 3), 12) == 0
    assert gini(np.full((7, 1), 3, np.int32), 12) == pytest.approx(1 - 1 / 12)
    assert gini(np.arange(3, dtype=np.int32).reshape(1, 3), 12) == pytest.approx(1 - 3 / 12)  # fewer places than books


def test_gini_is_half_the_relative_mean_difference() -> None:
    ranked = np.random.default_rng(1).zipf(1.5, (300, 5)).clip(-1, 40).astype(np.int32)
    shown = [int((ranked == book).sum()) for book in range(50)]
    differences = sum(abs(one - other) for one in shown for other in shown)
    assert gini(ranked, 50) == pytest.approx(differences / (2 * 50 * sum(shown)))


def test_novelty_by_hand() -> None:
    first = -(math.log2(8 / 16) + math.log2(2 / 16) + math.log2(1 / 16)) / 3  # 1, 3 and 4 bits: nobody counts as one
    second = -(math.log2(1 / 16) + math.log2(8 / 16)) / 2
    assert same(novelty(RANKED, COUNTS, 16), [first, second, NAN])
    assert first == pytest.approx((1 + 3 + 4) / 3)


def test_popularity_percentile_by_hand() -> None:
    """Of five books below 8: 4 and half of itself; below 2: 2 and half of two; below 0: half of itself."""
    first = (4.5 / 5 + 3 / 5 + 0.5 / 5) / 3
    second = (0.5 / 5 + 4.5 / 5) / 2
    assert same(popularity_percentile(RANKED, COUNTS), [first, second, NAN])


def test_all_books_together_have_percentile_one_half() -> None:
    counts = np.random.default_rng(1).integers(0, 9, 70)
    assert same(popularity_percentile(np.arange(70)[np.newaxis], counts), [0.5])


def test_genres_are_read_from_bytes_and_text_without_doubles() -> None:
    genres = genres_of_books(np.array([2, 0, 2]), [[b"b", "a", b"a"], ["\u00e9".encode()], ["c", "b"]], 4)
    assert genres.names == ("a", "b", "c", "\u00e9")
    assert genres.matrix.format == "csr"
    assert genres.matrix.toarray().tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]


def test_every_book_needs_its_list_of_genres() -> None:
    with pytest.raises(ValueError, match="shorter"):
        genres_of_books([0, 1], [["a"]], 2)


def test_diversity_by_hand() -> None:
    ranked = np.array([[0, 1, 2], [0, 4, 3], [3, 2, -1], [0, 0, -1]], np.int32)
    first = ((1 - 1 / 3) + (1 - 0 / 3) + (1 - 0 / 3)) / 3
    second = 1 - 2 / 3  # {a, b} and {a, b, c}; book 3 has no genres
    assert same(intra_list_diversity(ranked, GENRES), [first, second, NAN, 0])


def test_affinity_by_hand() -> None:
    """The first reader's profile is a 1, b 2, c 1, of length sqrt(6)."""
    ranked = np.array([[2, 4, 3], [0, 1, 2], [0, 1, 2], [3, -1, -1]], np.int32)
    first = (0 / math.sqrt(6 * 1) + (1 + 2 + 1) / math.sqrt(6 * 3)) / 2
    readers = np.array([0, 1, 2, 0], np.int32)
    assert same(genre_affinity(ranked, INDPTR, BOOKS, readers, GENRES), [first, NAN, NAN, NAN])


def test_random_affinity_by_hand() -> None:
    ab, bc, d, abc = (1 + 2) / math.sqrt(6 * 2), (2 + 1) / math.sqrt(6 * 2), 0, (1 + 2 + 1) / math.sqrt(6 * 3)
    expected = (ab + bc + d + abc) / 4
    assert same(random_affinity(INDPTR, BOOKS, np.array([2, 0, 1], np.int32), GENRES), [NAN, expected, NAN])


def test_who_is_recommended_only_what_they_read_has_affinity_1() -> None:
    ranked = np.array([[4, -1]], np.int32)
    assert same(genre_affinity(ranked, np.array([0, 1]), np.array([4]), np.array([0]), GENRES), [1])


def test_no_users() -> None:
    nobody = np.zeros(0, np.int32)
    assert coverage(NOBODY, 5) == reachable_coverage(NOBODY, 5) == gini(NOBODY, 5) == 0.0
    assert coverage(NOBODY, 0) == reachable_coverage(NOBODY, 0) == gini(NOBODY, 0) == 0.0
    assert same(novelty(NOBODY, COUNTS, 16), [])
    assert same(popularity_percentile(NOBODY, COUNTS), [])
    assert same(intra_list_diversity(NOBODY, GENRES), [])
    assert same(genre_affinity(NOBODY, INDPTR, BOOKS, nobody, GENRES), [])
    assert same(random_affinity(INDPTR, BOOKS, nobody, GENRES), [])


def test_lists_of_one_book_and_of_none() -> None:
    ranked, readers = np.array([[1], [-1]], np.int32), np.array([0, 0], np.int32)
    assert reachable_coverage(ranked, 5) == 1
    assert same(novelty(ranked, COUNTS, 16), [3, NAN])
    assert same(intra_list_diversity(ranked, GENRES), [NAN, NAN])
    assert same(genre_affinity(ranked, INDPTR, BOOKS, readers, GENRES), [3 / math.sqrt(12), NAN])
    assert reachable_coverage(ranked[1:], 5) == gini(ranked[1:], 5) == 0.0


def test_books_without_any_genres() -> None:
    genres, readers = genres_of_books([0, 1], [[], []], 5), np.array([0, 1, 2], np.int32)
    assert genres.names == ()
    assert same(intra_list_diversity(RANKED, genres), [NAN, NAN, NAN])
    assert same(genre_affinity(RANKED, INDPTR, BOOKS, readers, genres), [NAN, NAN, NAN])
    assert same(random_affinity(INDPTR, BOOKS, readers, genres), [NAN, NAN, NAN])


def slow_mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else NAN


def slow_cosine(profile: dict[str, int], names: set[str]) -> float:
    product = sum(profile[name] for name in names)
    return product / math.sqrt(sum(count**2 for count in profile.values()) * len(names))


@pytest.mark.parametrize("k", [1, 2, 9])
def test_random_lists_agree_with_slow_loops(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond_accuracy, "BLOCK_USERS", 7)  # several blocks, the last not full
    generator = np.random.default_rng(k)
    users, books, rows = 30, 40, 50
    ranked = np.stack([generator.permutation(books)[:k] for _ in range(users)]).astype(np.int32)
    ranked[np.arange(k) >= generator.integers(0, k + 1, users)[:, np.newaxis]] = -1
    counts = generator.integers(0, 6, books)
    sets = [{name for name in "abcdef" if generator.random() < 0.25} for _ in range(books)]
    genres: Genres = genres_of_books(range(books), [list(names) for names in sets], books)
    indptr = np.concatenate([[0], np.cumsum(generator.integers(0, 4, rows))]).astype(np.int32)
    read = generator.integers(0, books, indptr[-1]).astype(np.int32)
    readers = generator.permutation(rows)[:users]

    lists = [[book for book in row if book >= 0] for row in ranked.tolist()]
    assert coverage(ranked, books) == pytest.approx(len({book for row in lists for book in row}) / books)
    assert same(
        novelty(ranked, counts, 77), [slow_mean([-math.log2(max(counts[b], 1) / 77) for b in row]) for row in lists]
    )
    percentiles = [((counts < count).sum() + (counts == count).sum() / 2) / books for count in counts]
    assert same(popularity_percentile(ranked, counts), [slow_mean([percentiles[b] for b in row]) for row in lists])

    tagged = [[sets[book] for book in row if sets[book]] for row in lists]
    distances = [[1 - len(x & y) / len(x | y) for x, y in combinations(row, 2)] for row in tagged]
    assert same(intra_list_diversity(ranked, genres), [slow_mean(row) for row in distances])

    affinities, chances = [], []
    for reader, row in zip(readers, tagged, strict=True):
        history = [sets[book] for book in read[indptr[reader] : indptr[reader + 1]]]
        profile = {name: sum(name in names for names in history) for name in "abcdef"}
        known = any(profile.values())
        affinities.append(slow_mean([slow_cosine(profile, names) for names in row if known]))
        chances.append(slow_mean([slow_cosine(profile, names) for names in sets if known and names]))
    assert same(genre_affinity(ranked, indptr, read, readers, genres), affinities)
    assert same(random_affinity(indptr, read, readers, genres), chances)
    assert k == 1 or not np.isnan(affinities).all()
