import numpy as np
import pytest
from scipy import sparse

from data.histories import Histories, Interactions, group_by_user
from trainer.models.towers import BookTowers, summed

READ = {0: [0, 3], 1: [], 2: [4, 1, 2], 3: [2]}


def histories() -> Histories:
    pairs = [(user, book) for user, books in READ.items() for book in books]
    return group_by_user(Interactions(*np.array(pairs, np.int32).T), len(READ))


def random_towers(seed: int, *, sparse_part: bool = False) -> BookTowers:
    random = np.random.default_rng(seed)
    towers = BookTowers(*random.normal(size=(2, 5, 4)).astype(np.float32))
    neighbours = np.where(random.random((5, 5)) < 0.5, random.normal(size=(5, 5)), 0).astype(np.float32)
    return towers._replace(neighbours=sparse.csr_matrix(neighbours)) if sparse_part else towers


def slow_scores(towers: BookTowers, books: list[int]) -> np.ndarray:
    """The dot products with vectors as wide as both parts: the dense one, and one number for each book."""
    if not books:
        return np.zeros(5)
    neighbours = np.zeros((5, 5)) if towers.neighbours is None else towers.neighbours.toarray()
    query = np.concatenate([towers.query_table, neighbours], axis=1)[books].sum(axis=0)
    candidates = np.concatenate([towers.candidate_table, np.eye(5)], axis=1)
    return candidates @ query / np.linalg.norm(query[:4])


def test_a_reader_without_books_scores_zero() -> None:
    towers = random_towers(0, sparse_part=True)
    assert (towers.scores(histories(), np.array([1], np.int32)) == np.zeros((1, 5))).all()


@pytest.mark.parametrize("sparse_part", [False, True])
def test_no_readers_are_an_empty_answer(sparse_part: bool) -> None:
    towers = random_towers(0, sparse_part=sparse_part)
    assert towers.scores(histories(), np.zeros(0, np.int32)).shape == (0, 5)


def test_entries_may_stand_in_any_order() -> None:
    table = random_towers(1).query_table
    rows, books = np.array([0, 0, 1, 1, 1]), np.array([0, 3, 4, 1, 2])
    order = [4, 0, 2, 1, 3]
    in_order, mixed = (summed(table, rows[o], books[o], 2).numpy() for o in (slice(None), order))
    assert mixed == pytest.approx(in_order, abs=1e-6)


@pytest.mark.parametrize("sparse_part", [False, True])
def test_scores_are_the_dot_products_of_both_parts(sparse_part: bool) -> None:
    towers = random_towers(2, sparse_part=sparse_part)
    users = [3, 0, 1, 2, 0]
    expected = [slow_scores(towers, READ[user]) for user in users]
    assert towers.scores(histories(), np.array(users, np.int32)) == pytest.approx(np.array(expected), abs=1e-5)
