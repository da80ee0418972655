"""pandas against what a run left behind, right or wrong."""

from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf

from benchmarks.scale import pandas_check
from components.artifacts.parquet_examples import part_path, part_writer
from core.pseudonyms import pseudonymise
from data.example_schema import EXAMPLE_SCHEMA
from transform import features

KEY = b"a key of sixteen bytes or more"
# Anna has three books, one of them reviewed twice; Ben three reviews of two books; Cleo three books; "NA" is a title.
REVIEWS = """\
,User,ISBN,RatingOf5,Genres
0,Anna,Emma,1,"['Fiction']"
1,Ben,Emma,2,
2,Anna,NA,,
3,Anna,"Him, Her",3,
4,Ben,Emma,2,
5,Ben,NA,2,
6,Anna,Emma,5,
7,Cleo,Emma,4,
8,Cleo,Ilse,4.5,
9,Cleo,NA,4,
"""
TRAIN = [("Anna", "NA", None), ("Anna", "Emma", 5.0), ("Cleo", "Emma", 4.0), ("Cleo", "Ilse", 4.5)]
HELD_OUT = [("Anna", "Him, Her", 3.0), ("Cleo", "NA", 4.0)]
USERS = [(2, "Anna"), (2, "Cleo")]
BOOKS = [(2, "Emma"), (1, "NA"), (1, "Ilse")]


def a_run(folder: Path, splits: dict[str, list], users: list, books: list) -> dict:
    """Writes what a run leaves behind. Returns how it compares with pandas."""
    examples = folder / "work" / "artifacts" / "InteractionSplitter" / "examples" / "12"
    for split, rows in splits.items():
        columns = {
            features.GENRES: [[] for _ in rows],
            features.ISBN: [[book.encode()] for _, book, _ in rows],
            features.RATING: [None if rating is None else [rating] for *_, rating in rows],
            features.USER: [[pseudonymise(user, KEY).encode()] for user, *_ in rows],
        }
        with part_writer(part_path(str(examples), split, 0, 1)) as writer:
            writer.write_table(pa.table(columns, schema=EXAMPLE_SCHEMA))
    assets = folder / "work" / "artifacts" / "Transform" / "transform_graph" / "13" / "transform_fn" / "assets"
    assets.mkdir(parents=True)
    hidden = [(count, pseudonymise(user, KEY)) for count, user in users]
    for name, counted in ((features.USER_VOCABULARY, hidden), (features.ISBN_VOCABULARY, books)):
        with tf.io.TFRecordWriter(str(assets / f"{name}.tfrecord.gz"), "GZIP") as writer:
            for count, token in counted:
                writer.write(f"{count} {token}".encode())
    (folder / "reviews.csv").write_text(REVIEWS)
    (folder / "key").write_bytes(KEY)
    return pandas_check.check(folder / "reviews.csv", folder / "work", folder / "key")


def test_pandas_finds_the_rows_and_vocabularies_of_a_right_run(tmp_path: Path) -> None:
    found = a_run(tmp_path, {"train": TRAIN, "eval": HELD_OUT}, USERS, BOOKS)
    assert found == {
        "rows": 6,
        "rows_of_pandas": 6,
        "rows_missing": 0,
        "rows_surplus": 0,
        "ratings_different": 0,
        "user_vocabulary": {"tokens": 2, "tokens_of_pandas": 2, "tokens_different": 0},
        "isbn_vocabulary": {"tokens": 3, "tokens_of_pandas": 3, "tokens_different": 0},
        "same": True,
    }


@pytest.mark.parametrize(
    ("train", "users", "books", "different"),
    [
        (TRAIN[1:], USERS, BOOKS, {"rows_missing": 1}),
        ([*TRAIN, ("Ben", "Emma", 2.0)], USERS, BOOKS, {"rows_surplus": 1}),
        ([*TRAIN, TRAIN[0]], USERS, BOOKS, {"rows_surplus": 1}),
        ([("Anna", "NA", None), ("Anna", "Emma", 1.0), *TRAIN[2:]], USERS, BOOKS, {"ratings_different": 1}),
        (TRAIN, [(3, "Anna"), (2, "Cleo")], BOOKS, {"user_vocabulary": 1}),
        (TRAIN, [*USERS, (1, "Ben")], BOOKS, {"user_vocabulary": 1}),
        (TRAIN, USERS, BOOKS[:2], {"isbn_vocabulary": 1}),
        (TRAIN, USERS, [*BOOKS, (1, "Him, Her")], {"isbn_vocabulary": 1}),
        (TRAIN, USERS, [*BOOKS, BOOKS[0]], {"isbn_vocabulary": 1}),
    ],
)
def test_pandas_finds_what_a_wrong_run_did(
    train: list, users: list, books: list, different: dict[str, int], tmp_path: Path
) -> None:
    found = a_run(tmp_path, {"train": train, "eval": HELD_OUT}, users, books)
    assert not found.pop("same")
    counts = {
        name: value["tokens_different"] if isinstance(value, dict) else value
        for name, value in found.items()
        if name not in ("rows", "rows_of_pandas")
    }
    assert {name: count for name, count in counts.items() if count} == different
