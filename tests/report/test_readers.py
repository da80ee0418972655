"""The choice of readers, and what is told of them, on splits that are written here."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.artifacts import parquet_examples
from data.example_schema import EXAMPLE_SCHEMA, as_list_column
from report.readers import READERS_OF_EACH, choose_readers, read_books, read_genres
from transform import features
from transform.vocabulary import Vocabulary

Row = tuple[str, str, float | None, list[str]]


def write_splits(folder: Path, **splits: list[Row]) -> str:
    for split, rows in splits.items():
        users, titles, ratings, genres = zip(*rows, strict=True)
        columns = {
            features.GENRES: pa.array([names or None for names in genres], pa.large_list(pa.large_binary())),
            features.ISBN: as_list_column(pa.array(titles), pa.large_binary()),
            features.RATING: as_list_column(pa.array(ratings, pa.float32()), pa.float32()),
            features.USER: as_list_column(pa.array(users), pa.large_binary()),
        }
        with parquet_examples.part_writer(parquet_examples.part_path(str(folder), split, 0, 1)) as writer:
            writer.write_table(pa.table(columns, schema=EXAMPLE_SCHEMA), row_group_size=2)
    return str(folder)


@pytest.fixture
def splits(tmp_path: Path) -> str:
    return write_splits(
        tmp_path,
        train=[
            ("ann", "Dune", 3.0, []),
            ("bob", "Dune", 5.0, ["Science Fiction"]),
            ("ann", "Émile", None, ["Classics", "Education"]),
            ("ann", "Emma", 5.0, ["Classics"]),
            ("bob", "Emma", 1.0, ["Romance"]),
        ],
        eval=[("ann", "Ulysses", 3.0, ["Modernism"]), ("cat", "Dune", 2.0, [])],
    )


def test_a_reader_has_the_books_of_both_splits_the_best_rated_first(splits: str) -> None:
    assert read_books(splits, [b"ann", b"cat", b"nobody"]) == {
        b"ann": [(b"Emma", 5.0), (b"Dune", 3.0), (b"Ulysses", 3.0), ("Émile".encode(), None)],
        b"cat": [(b"Dune", 2.0)],
        b"nobody": [],
    }


def test_a_book_has_the_genres_of_the_first_review_that_names_any(splits: str) -> None:
    titles = [b"Dune", b"Emma", b"Ulysses", "Émile".encode(), b"Unknown"]
    assert read_genres(splits, titles) == {
        b"Dune": ["Science Fiction"],
        b"Emma": ["Classics"],
        b"Ulysses": ["Modernism"],
        "Émile".encode(): ["Classics", "Education"],
    }


def test_readers_of_each_third_are_chosen_by_their_hash_whatever_their_order() -> None:
    names = [b"%032x" % number for number in range(90)]
    counts = np.repeat([1, 5, 20], 30)
    chosen = choose_readers(Vocabulary(names, counts))
    assert list(chosen.values()) == ["few"] * READERS_OF_EACH + ["some"] * READERS_OF_EACH + ["many"] * READERS_OF_EACH
    few = sorted(names[:30], key=lambda name: hashlib.sha256(name).digest())[:READERS_OF_EACH]
    assert list(chosen)[:READERS_OF_EACH] == few
    shuffled = np.random.default_rng(0).permutation(90)
    again = choose_readers(Vocabulary([names[i] for i in shuffled], counts[shuffled]))
    assert again == chosen


def test_where_all_read_equally_much_there_is_one_third_only() -> None:
    chosen = choose_readers(Vocabulary([b"a", b"b"], np.array([4, 4])))
    assert set(chosen) == {b"a", b"b"}
    assert len(set(chosen.values())) == 1
