import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from data.histories import (
    Histories,
    Interactions,
    as_matrix,
    group_by_user,
    joined,
    read_interactions,
    row_entries,
    validation_split,
    withheld,
)
from tests.odd_names import ODD_FOLDER
from transform.vocabulary import read_vocabulary


def write_part(path: Path, pairs: list[tuple[int, int]]) -> None:
    ids = pa.large_list(pa.int64())
    columns = {
        "book_id": [[book] for _, book in pairs],
        "rating": [[4.0]] * len(pairs),
        "user_id": [[user] for user, _ in pairs],
    }
    table = pa.table(
        {
            "book_id": pa.array(columns["book_id"], ids),
            "rating": pa.array(columns["rating"], pa.large_list(pa.float32())),
            "user_id": pa.array(columns["user_id"], ids),
        }
    )
    pq.write_table(table, path)


def test_parts_are_read_in_order_and_rows_without_an_id_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / ODD_FOLDER
    folder.mkdir()
    write_part(folder / "part-00001.parquet", [(2, 5), (-1, 3)])
    write_part(folder / "part-00000.parquet", [(0, 1), (1, -1), (0, 2)])
    read = read_interactions([str(folder / "*.parquet")])
    assert read.users.tolist() == [0, 0, 2]
    assert read.books.tolist() == [1, 2, 5]
    assert read.users.dtype == np.int32
    assert (len(read), read.left_out) == (3, 2)


def test_no_files_are_no_interactions(tmp_path: Path) -> None:
    assert len(read_interactions([str(tmp_path / "*")])) == 0


def test_histories_keep_the_order_of_the_input() -> None:
    pairs = Interactions(np.array([1, 0, 1, 3], np.int32), np.array([9, 8, 7, 6], np.int32))
    histories = group_by_user(pairs, 5)
    assert histories.row_splits.tolist() == [0, 1, 3, 3, 4, 4]
    assert histories.books.tolist() == [8, 9, 7, 6]
    assert histories.sizes().tolist() == [1, 2, 0, 1, 0]


def test_joining_keeps_all_pairs_and_adds_what_was_left_out() -> None:
    first = Interactions(np.array([1], np.int32), np.array([2], np.int32), left_out=3)
    second = Interactions(np.array([4], np.int32), np.array([5], np.int32), left_out=6)
    both = joined(first, second)
    assert (both.users.tolist(), both.books.tolist(), both.left_out) == ([1, 4], [2, 5], 9)


def test_a_vocabulary_is_read_whole_with_spaces_line_breaks_and_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "vocabulary.tfrecord.gz")
    entries = [(12, "A title: with spaces"), (7, "Zwei\nZeilen"), (7, " leading"), (1, "日本")]
    with tf.io.TFRecordWriter(path, options="GZIP") as writer:
        for count, token in entries:
            writer.write(f"{count} {token}".encode())
    vocabulary = read_vocabulary(path)
    assert [token.decode() for token in vocabulary.tokens] == [token for _, token in entries]
    assert vocabulary.counts.tolist() == [12, 7, 7, 1]
    assert len(vocabulary) == 4


def random_histories(seed: int, users: int = 40, books: int = 60) -> Histories:
    """From no book to many, in no order."""
    random = np.random.default_rng(seed)
    read = random.random((users, books)) < random.random((users, 1)) ** 2
    read[:3] = np.arange(books) < [[0], [1], [2]]
    order = random.permutation(int(read.sum()))
    return group_by_user(Interactions(*(axis.astype(np.int32)[order] for axis in np.nonzero(read))), users)


def rows(histories: Histories) -> list[list[int]]:
    return [part.tolist() for part in np.split(histories.books, histories.row_splits[1:-1])]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.95, 1.0])
def test_a_share_is_withheld_but_at_least_one_and_one_stays(share: float) -> None:
    histories = random_histories(0)
    users = np.array([*range(0, 40, 3), 1, 2], np.int32)
    left, out = withheld(histories, users, share, seed=7)
    assert left.books.dtype == out.books.dtype == left.row_splits.dtype == np.int32
    for user, (before, stays, goes) in enumerate(zip(rows(histories), rows(left), rows(out), strict=True)):
        assert sorted(stays + goes) == sorted(before)
        assert stays == [book for book in before if book in stays]
        if user in users and len(before) > 1:
            assert len(goes) == min(max(math.floor(Fraction(str(share)) * len(before)), 1), len(before) - 1)
        else:
            assert goes == []


def test_a_share_that_binary_fractions_miss_is_not_rounded_down() -> None:
    """0.29 * 100 is 28.999999999999996 in floating point."""
    histories = Histories(np.array([0, 100], np.int32), np.arange(100, dtype=np.int32))
    assert len(withheld(histories, np.zeros(1, np.int32), 0.29, seed=0)[1].books) == 29


def test_the_seed_decides_what_is_withheld_and_every_book_may_be() -> None:
    histories, users = random_histories(1), np.arange(40, dtype=np.int32)
    choices = [withheld(histories, users, 0.3, seed)[1].books.tolist() for seed in (0, 0, 1)]
    assert choices[0] == choices[1] != choices[2]
    three = Histories(np.array([0, 3], np.int32), np.array([8, 5, 6], np.int32))
    found = [withheld(three, np.zeros(1, np.int32), 0.3, seed)[1].books.tolist() for seed in range(50)]
    assert {book for books in found for book in books} == {5, 6, 8}


def test_nobody_named_leaves_everything() -> None:
    histories = random_histories(2)
    left, out = withheld(histories, np.zeros(0, np.int32), 0.5, seed=0)
    assert rows(left) == rows(histories)
    assert len(out.books) == 0


@pytest.mark.parametrize("most", [1, 9, 10**6])
def test_validation_asks_users_with_enough_books_and_withholds_of_theirs_alone(most: int) -> None:
    histories = random_histories(4)
    enough = np.flatnonzero(histories.sizes() >= 3)
    users, left, out = validation_split(histories, 3, most, 0.2, seed=5)
    assert users.dtype == np.int32
    assert 9 < len(enough) < 40
    assert len(users) == min(most, len(enough))
    assert sorted(set(users.tolist()) & set(enough.tolist())) == users.tolist()
    assert np.flatnonzero(out.sizes()).tolist() == users.tolist()
    expected = withheld(histories, users, 0.2, seed=5)
    assert [rows(part) for part in (left, out)] == [rows(part) for part in expected]


def test_the_seed_decides_who_validates() -> None:
    first, again, other = (validation_split(random_histories(4), 2, 9, 0.2, seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_nobody_validates_where_nobody_has_enough_books() -> None:
    histories = random_histories(5)
    users, left, out = validation_split(histories, 61, 9, 0.2, seed=0)
    assert len(users) == len(out.books) == 0
    assert rows(left) == rows(histories)


def test_the_matrix_has_a_one_where_a_book_was_read() -> None:
    histories = random_histories(3)
    matrix = as_matrix(histories, 61)
    assert matrix.dtype == np.float32
    expected = np.zeros((40, 61), np.float32)
    for user, books in enumerate(rows(histories)):
        expected[user, books] = 1
    assert (matrix.toarray() == expected).all()


def test_row_entries_are_the_books_of_the_rows_asked_for() -> None:
    interactions = Interactions(np.array([2, 0, 2, 1, 0], np.int32), np.array([4, 1, 3, 0, 2], np.int32))
    histories = group_by_user(interactions, 4)
    found, books = row_entries(histories, np.array([2, 3, 0, 2], np.int32))
    pairs = list(zip(found.tolist(), books.tolist(), strict=True))
    assert pairs == [(0, 4), (0, 3), (2, 1), (2, 2), (3, 4), (3, 3)]
    assert [len(part) for part in row_entries(histories, np.zeros(0, np.int32))] == [0, 0]
