from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.artifacts import parquet_examples as examples
from data.example_schema import EXAMPLE_SCHEMA, as_list_column
from tests.odd_names import ODD_FOLDER


def table(rows: int) -> pa.Table:
    users = as_list_column(pa.array([f"u{i}" for i in range(rows)]), pa.large_binary())
    ratings = as_list_column(pa.array([None if i % 3 else float(i) for i in range(rows)]), pa.float32())
    genres = pa.array([["a", "b"] if i % 2 else None for i in range(rows)], pa.large_list(pa.large_binary()))
    return pa.table([genres, users, ratings, users], schema=EXAMPLE_SCHEMA)


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    folder = tmp_path / ODD_FOLDER
    folder.mkdir()
    return folder


def test_parts_are_found_in_order_and_read_group_by_group(odd_folder: Path) -> None:
    for part in (10, 2, 0):
        with examples.part_writer(examples.part_path(str(odd_folder), "train", part, 11)) as writer:
            writer.write_table(table(part + 5), row_group_size=4)
    paths = examples.part_paths(str(odd_folder), "train")
    assert [pq.read_metadata(path).num_rows for path in paths] == [5, 7, 15]
    assert examples.count_rows(paths) == 27
    groups = list(examples.read_row_groups(paths[1]))
    assert [len(group) for group in groups] == [4, 3]
    assert pa.concat_tables(groups).equals(table(7))


def test_a_file_appears_only_when_it_is_whole(odd_folder: Path) -> None:
    path = examples.part_path(str(odd_folder), "train", 0, 1)

    def write_and_fail() -> None:
        with examples.part_writer(path) as writer:
            writer.write_table(table(3))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_and_fail()
    assert list(odd_folder.iterdir()) == []


def test_an_attempt_that_is_repeated_replaces_the_file_whichever_ends_first(tmp_path: Path) -> None:
    """A runner may repeat a worker's task while the worker, thought dead, is still at it."""
    path = examples.part_path(str(tmp_path), "train", 0, 1)
    with examples.part_writer(path) as lost:
        lost.write_table(table(3))
        with examples.part_writer(path) as repeated:
            repeated.write_table(table(3))
        assert pq.read_table(path).equals(table(3))
        [folder] = [entry for entry in tmp_path.iterdir() if entry.is_dir()]
        assert [entry.name for entry in folder.iterdir()] == [Path(path).name], "stock components read all that is here"
    assert pq.read_table(path).equals(table(3))
    assert examples.part_paths(str(tmp_path), "train") == [path]
    assert list(tmp_path.iterdir()) == [folder]


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    paths = [examples.part_path(str(tmp_path), "train", part, 2) for part in range(2)]
    for path in paths:
        with examples.part_writer(path) as writer:
            writer.write_table(table(1000))
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes()
