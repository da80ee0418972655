import numpy as np
import pytest

from trainer.book_towers import BookTowers, encode
from trainer.interactions import Histories, Interactions, group_by_user

READ = {0: [0, 3], 1: [], 2: [4, 1, 2], 3: [2]}


def histories() -> Histories:
    pairs = [(user, book) for user, books in READ.items() for book in books]
    return group_by_user(Interactions(*np.array(pairs, np.int32).T), len(READ))


def random_towers(seed: int) -> BookTowers:
    return BookTowers(*np.random.default_rng(seed).normal(size=(2, 5, 4)).astype(np.float32))


def slow_query(towers: BookTowers, books: list[int]) -> np.ndarray:
    total = sum((towers.query_table[book] for book in books), np.zeros(4))
    return total / np.linalg.norm(total) if books else total


def test_a_query_is_the_sum_of_the_books_read_brought_to_length_1() -> None:
    towers = random_towers(0)
    asked = [2, 0, 1, 2]
    queries = towers.queries(histories(), np.array(asked, np.int32)).numpy()
    assert queries == pytest.approx(np.stack([slow_query(towers, READ[user]) for user in asked]), abs=1e-6)
    assert np.linalg.norm(queries, axis=1) == pytest.approx([1, 1, 0, 1])


def test_a_reader_without_books_is_zero_and_scores_zero() -> None:
    towers = random_towers(0)
    assert (towers.queries(histories(), np.array([1], np.int32)).numpy() == np.zeros((1, 4))).all()
    assert (towers.scores(histories(), np.array([1], np.int32)).numpy() == np.zeros((1, 5))).all()


def test_no_readers_are_an_empty_answer() -> None:
    assert random_towers(0).scores(histories(), np.zeros(0, np.int32)).shape == (0, 5)


def test_entries_may_stand_in_any_order() -> None:
    table = random_towers(1).query_table
    rows, books = np.array([0, 0, 1, 1, 1]), np.array([0, 3, 4, 1, 2])
    order = [4, 0, 2, 1, 3]
    in_order, mixed = (encode(table, rows[o], books[o], 2).numpy() for o in (slice(None), order))
    assert mixed == pytest.approx(in_order, abs=1e-6)


def test_scores_are_the_dot_products_with_the_candidates() -> None:
    towers = random_towers(2)
    users = [3, 0, 2]
    expected = [[slow_query(towers, READ[user]) @ candidate for candidate in towers.candidate_table] for user in users]
    assert towers.scores(histories(), np.array(users, np.int32)).numpy() == pytest.approx(np.array(expected), abs=1e-5)
