import numpy as np
import pytest
from scipy import sparse

from data.histories import Histories, Interactions, as_matrix, group_by_user
from evaluation import ranking
from trainer.models.item_item import ItemItemModel, as_towers, compress, of_towers, reader_rows, standardised, summed
from trainer.models.towers import BookTowers

USERS, BOOKS = 30, 20


def histories() -> Histories:
    read = np.random.default_rng(0).random((USERS, BOOKS)) < 0.25
    read[5] = False
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), USERS)


def dense_rows() -> np.ndarray:
    rows = np.zeros((USERS, BOOKS))
    read = histories()
    for user in range(USERS):
        books = read.books[read.row_splits[user] : read.row_splits[user + 1]]
        rows[user, books] = 1 / np.sqrt(max(len(books), 1))
    return rows


def parts() -> tuple[ItemItemModel, np.ndarray]:
    """A sum of two models, and the same as one matrix."""
    random = np.random.default_rng(1)
    query, candidate = random.normal(size=(2, BOOKS, 4)).astype(np.float32)
    near = (random.random((BOOKS, BOOKS)) * (random.random((BOOKS, BOOKS)) < 0.2)).astype(np.float32)
    item_item = summed(
        of_towers(BookTowers(query, candidate)).times(0.5),
        ItemItemModel(sparse=((1.0, sparse.csr_matrix(near)),)).times(3.0),
    )
    return item_item, 0.5 * query @ candidate.T + 3.0 * near


def test_rows_weigh_a_readers_books_by_the_root_of_their_number() -> None:
    assert reader_rows(as_matrix(histories(), BOOKS)).toarray() == pytest.approx(dense_rows(), abs=1e-6)


def test_a_sum_multiplies_and_scores_as_the_one_matrix_does() -> None:
    item_item, matrix = parts()
    vectors = np.random.default_rng(2).normal(size=(BOOKS, 3)).astype(np.float32)
    assert item_item.forward(vectors) == pytest.approx(matrix @ vectors, abs=1e-4)
    assert item_item.backward(vectors) == pytest.approx(matrix.T @ vectors, abs=1e-4)
    assert item_item.scores(reader_rows(as_matrix(histories(), BOOKS))) == pytest.approx(
        dense_rows() @ matrix, abs=1e-4
    )


def test_nothing_is_left_of_a_part_with_weight_0() -> None:
    item_item, _ = parts()
    assert item_item.times(0) == ItemItemModel()


@pytest.mark.parametrize("places", [1, 7 * BOOKS, 10**6])
def test_standardised_scores_have_a_standard_deviation_of_1(places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "BLOCK_SCORES", places)
    item_item, _ = parts()
    rows = reader_rows(as_matrix(histories(), BOOKS))
    readers = np.flatnonzero(histories().sizes())
    assert np.std(standardised(item_item, rows).scores(rows[readers])) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dim", [2, 6, 12])
def test_no_towers_of_that_width_come_closer_to_the_scores(dim: int) -> None:
    """The best of a rank is the truncated decomposition of the scores (Eckart and Young, Psychometrika 1, 1936)."""
    item_item, matrix = parts()
    rows = reader_rows(as_matrix(histories(), BOOKS))
    towers = compress(item_item, rows, dim, seed=0)
    assert towers.query_table.shape == towers.candidate_table.shape == (BOOKS, dim)
    scores = dense_rows() @ matrix
    found = dense_rows() @ towers.query_table @ towers.candidate_table.T
    strengths = np.linalg.svd(scores, compute_uv=False)
    assert np.linalg.norm(scores - found) == pytest.approx(np.sqrt((strengths[dim:] ** 2).sum()), rel=1e-3)


def test_more_width_than_directions_gives_the_scores_themselves() -> None:
    item_item, matrix = parts()
    towers = compress(item_item, reader_rows(as_matrix(histories(), BOOKS)), 64, seed=0)
    assert towers.query_table.shape[1] <= BOOKS
    scores = dense_rows() @ matrix
    assert dense_rows() @ towers.query_table @ towers.candidate_table.T == pytest.approx(scores, abs=1e-3)
    queries = towers.scores(histories(), np.arange(USERS, dtype=np.int32))
    order = np.argsort(-scores, axis=1)[:, 0]
    assert (np.argmax(queries, axis=1) == order)[scores.any(axis=1)].all()


def test_the_same_seed_gives_the_same_bit_for_bit() -> None:
    first, second = (compress(parts()[0], reader_rows(as_matrix(histories(), BOOKS)), 5, seed=3) for _ in range(2))
    assert (first.query_table == second.query_table).all()


def test_towers_that_are_not_too_wide_together_are_put_side_by_side_exactly() -> None:
    query, candidate = np.random.default_rng(4).normal(size=(2, BOOKS, 6)).astype(np.float32)
    first, second = BookTowers(query[:, :2], candidate[:, :2]), BookTowers(query[:, 2:], candidate[:, 2:])
    item_item = summed(of_towers(first).times(0.5), of_towers(second).times(2.0))
    rows = reader_rows(as_matrix(histories(), BOOKS))
    towers = compress(item_item, rows, 6, seed=0)
    assert towers.query_table.shape == towers.candidate_table.shape == (BOOKS, 6)
    assert of_towers(towers).scores(rows) == pytest.approx(item_item.scores(rows), abs=1e-4)
    assert compress(item_item, rows, 5, seed=0).query_table.shape == (BOOKS, 5)


def test_a_sparse_part_keeps_what_no_towers_of_that_width_can_say() -> None:
    item_item, matrix = parts()
    item_item = summed(item_item, ItemItemModel(sparse=((2.0, sparse.identity(BOOKS, np.float32, "csr")),)))
    rows = reader_rows(as_matrix(histories(), BOOKS))
    towers = as_towers(item_item, rows, 4, seed=0, compressed=False)
    assert towers.query_table.shape == (BOOKS, 4)
    scores = dense_rows() @ (matrix + 2 * np.eye(BOOKS))
    assert of_towers(towers).scores(rows) == pytest.approx(scores, abs=1e-3)
    compressed = as_towers(item_item, rows, 4, seed=0, compressed=True)
    assert compressed.neighbours is None
    assert np.abs(of_towers(compressed).scores(rows) - scores).max() > 0.5
