from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from trainer.interactions import Interactions, group_by_user, joined, read_interactions
from trainer.vocabulary import read_vocabulary


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
    write_part(tmp_path / "part-00001.parquet", [(2, 5), (-1, 3)])
    write_part(tmp_path / "part-00000.parquet", [(0, 1), (1, -1), (0, 2)])
    read = read_interactions([str(tmp_path / "*.parquet")])
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
