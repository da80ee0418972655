import numpy as np
import pytest

from evaluation.beyond_accuracy import genres_of_books
from evaluation.slices import (
    ACTIVITIES,
    POPULARITIES,
    activity_slices,
    popularity_classes,
    recall_by_class,
    recall_by_genre,
)

RANKED = np.array([[0, 3, 1], [4, 0, 2], [2, -1, -1]], np.int32)
HITS = np.array([[True, False, True], [True, True, False], [False, False, False]])
HELDOUT_BOOKS = np.array([0, 1, 5, 4, 0, 0], np.int32)  # of user 0: 0, 1 and 5; of user 1: 4 and 0; of user 2: 0


def members(sizes: list[int]) -> dict[str, list[int]]:
    slices = activity_slices(np.array(sizes, np.int32))
    assert all(mask.dtype == np.bool_ and mask.shape == (len(sizes),) for mask in slices.values())
    return {name: np.flatnonzero(mask).tolist() for name, mask in slices.items()}


def test_six_users_make_three_pairs() -> None:
    assert members([60, 10, 20, 50, 40, 30]) == {"few": [1, 2], "some": [4, 5], "many": [0, 3]}


def test_equal_sizes_stay_together() -> None:
    assert members([5, 5, 5, 5, 6, 7]) == {"few": [0, 1, 2, 3], "some": [], "many": [4, 5]}
    assert members([1, 2, 2, 2, 2, 9]) == {"few": [0, 1, 2, 3, 4], "some": [], "many": [5]}
    assert members([1, 1, 2, 9, 9, 9]) == {"few": [0, 1], "some": [2, 3, 4, 5], "many": []}
    assert members([3, 3, 3]) == {"few": [0, 1, 2], "some": [], "many": []}


def test_few_or_no_users_can_be_sliced() -> None:
    assert members([]) == {"few": [], "some": [], "many": []}
    assert members([8]) == {"few": [0], "some": [], "many": []}
    assert members([8, 9]) == {"few": [0], "some": [1], "many": []}


@pytest.mark.parametrize("users", range(1, 60))
def test_every_user_is_in_one_slice_as_a_slow_loop_says(users: int) -> None:
    sizes = np.random.default_rng(users).integers(1, 30, users).tolist()
    lower = min(size for size in sizes if 3 * sum(other <= size for other in sizes) >= users)
    upper = min(size for size in sizes if 3 * sum(other <= size for other in sizes) >= 2 * users)
    assert members(sizes) == {
        "few": [i for i, size in enumerate(sizes) if size <= lower],
        "some": [i for i, size in enumerate(sizes) if lower < size <= upper],
        "many": [i for i, size in enumerate(sizes) if size > upper],
    }


def test_different_sizes_make_equal_thirds() -> None:
    slices = activity_slices(np.random.default_rng(0).permutation(3000))
    assert {name: int(mask.sum()) for name, mask in slices.items()} == dict.fromkeys(ACTIVITIES, 1000)


def test_head_torso_and_tail_by_hand() -> None:
    """30 interactions; by falling count 8, 6, 4, 3, 3, 2, 2, 1, 1, 0, together 8, 14, 18, 21, 24 ..."""
    counts = np.array([3, 8, 1, 6, 2, 4, 3, 2, 0, 1], np.int32)
    classes = popularity_classes(counts)
    assert classes.dtype == np.int8
    assert {POPULARITIES[c]: np.flatnonzero(classes == c).tolist() for c in range(3)} == {
        "head": [1, 3],  # 8 + 6 reach 10
        "torso": [0, 5],  # then 4 and the first 3 reach 20
        "tail": [2, 4, 6, 7, 8, 9],
    }


def test_a_third_that_is_just_reached_ends_there() -> None:
    assert popularity_classes(np.array([2, 2, 2])).tolist() == [0, 1, 2]


def test_one_book_may_take_more_than_a_third() -> None:
    assert popularity_classes(np.array([1, 98, 1])).tolist() == [2, 0, 2]
    assert popularity_classes(np.array([5])).tolist() == [0]


def test_books_without_readers_are_tail() -> None:
    assert popularity_classes(np.zeros(3, np.int32)).tolist() == [2, 2, 2]
    assert popularity_classes(np.zeros(0, np.int32)).tolist() == []


def test_counts_may_add_up_to_more_than_an_int32_holds() -> None:
    assert popularity_classes(np.full(3, 2**30, np.int32)).tolist() == [0, 1, 2]


def test_recall_by_class_by_hand() -> None:
    classes = np.array([0, 1, 1, 2, 2, 2], np.int8)
    assert recall_by_class(RANKED, HITS, HELDOUT_BOOKS, classes, 3) == {
        "head": (2 / 3, 3),  # book 0 was held out three times, found twice
        "torso": (1 / 1, 1),  # book 1
        "tail": (1 / 2, 2),  # books 4 and 5, of which 4 was found
    }
    assert recall_by_class(RANKED, HITS, HELDOUT_BOOKS, classes, 1) == {
        "head": (1 / 3, 3),
        "torso": (0, 1),
        "tail": (1 / 2, 2),
    }


def test_a_class_without_heldout_books_has_recall_0() -> None:
    classes = np.zeros(6, np.int8)
    assert recall_by_class(RANKED, HITS, HELDOUT_BOOKS, classes, 3) == {
        "head": (4 / 6, 6),
        "torso": (0.0, 0),
        "tail": (0.0, 0),
    }


def test_no_users_have_recall_0() -> None:
    ranked, hits, heldout = np.zeros((0, 3), np.int32), np.zeros((0, 3), np.bool_), np.zeros(0, np.int32)
    assert recall_by_class(ranked, hits, heldout, np.zeros(6, np.int8), 3) == dict.fromkeys(POPULARITIES, (0.0, 0))
    assert recall_by_genre(ranked, hits, heldout, genres_of_books([0], [["a"]], 6), 3) == {}


def test_recall_by_genre_by_hand() -> None:
    genres = genres_of_books([0, 1, 2, 4, 5], [["a", "b"], ["b"], ["d"], ["c"], ["b", "c"]], 6)
    by_genre = recall_by_genre(RANKED, HITS, HELDOUT_BOOKS, genres, 3)
    # b: books 0, 0, 0, 1 and 5, of which 0, 0 and 1 were found; a: 0, 0, 0; c: 4 and 5; nobody held out the d.
    assert by_genre == {"b": (3 / 5, 5), "a": (2 / 3, 3), "c": (1 / 2, 2)}
    assert list(by_genre) == ["b", "a", "c"]
    assert recall_by_genre(RANKED, HITS, HELDOUT_BOOKS, genres, 1, most=2) == {"b": (1 / 5, 5), "a": (1 / 3, 3)}


@pytest.mark.parametrize("k", [1, 4, 10])
def test_random_rankings_agree_with_slow_loops(k: int) -> None:
    generator = np.random.default_rng(k)
    users, books = 40, 60
    ranked = np.stack([generator.permutation(books)[:10] for _ in range(users)]).astype(np.int32)
    heldout = [set(generator.choice(books, 8, replace=False).tolist()) for _ in range(users)]
    hits = np.array([[book in heldout[user] for book in row] for user, row in enumerate(ranked.tolist())])
    lists = [[name for name in "abcde" if generator.random() < 0.3] for _ in range(books)]
    classes = popularity_classes(generator.integers(0, 30, books))
    pairs = [(user, book) for user in range(users) for book in heldout[user]]
    heldout_books = np.array([book for _, book in pairs], np.int32)

    def slow(of_class: set[int]) -> tuple[float, int]:
        found = [book in ranked[user, :k].tolist() for user, book in pairs if book in of_class]
        return (sum(found) / len(found) if found else 0.0), len(found)

    by_class = recall_by_class(ranked, hits, heldout_books, classes, k)
    assert by_class == {
        name: slow(set(np.flatnonzero(classes == index).tolist())) for index, name in enumerate(POPULARITIES)
    }
    assert sum(count for _, count in by_class.values()) == len(pairs)
    by_genre = recall_by_genre(ranked, hits, heldout_books, genres_of_books(range(books), lists, books), k)
    assert by_genre == {name: slow({b for b, names in enumerate(lists) if name in names}) for name in "abcde"}
