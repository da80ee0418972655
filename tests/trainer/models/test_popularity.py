import numpy as np
import pytest

from data.histories import Histories, Interactions, group_by_user
from trainer.models.popularity import popularity_for_strangers


def histories(*readers: list[int]) -> Histories:
    users = np.repeat(np.arange(len(readers)), [len(books) for books in readers]).astype(np.int32)
    return group_by_user(
        Interactions(users, np.array([book for books in readers for book in books], np.int32)), len(readers)
    )


def test_a_reader_counts_by_books_up_to_the_reader_of_the_middle_review() -> None:
    """Of 7 reviews the middle one is of a reader of 4: weights 1, 1/2 and 1/4, together 7/4."""
    found = popularity_for_strangers(histories([0, 1, 2, 3], [0, 4], [5]), 7)
    assert found == pytest.approx(np.array([6, 4, 4, 4, 2, 1, 0]) / 7)
    assert found.dtype == np.float32


def test_readers_of_as_many_books_each_count_as_one() -> None:
    assert popularity_for_strangers(histories([0, 1], [0, 2], [0, 1]), 3) == pytest.approx([1, 2 / 3, 1 / 3])


def test_many_accounts_of_few_books_do_not_outweigh_fewer_readers_of_many() -> None:
    readers = [list(range(20)) for _ in range(60)]
    accounts = [[20, 21] for _ in range(100)]
    found = popularity_for_strangers(histories(*readers, *accounts), 22)
    assert found[0] > 5 * found[20]


def test_nobody_and_readers_without_books_make_no_book_popular() -> None:
    assert popularity_for_strangers(histories(), 2).tolist() == [0, 0]
    assert popularity_for_strangers(histories([], []), 2).tolist() == [0, 0]
