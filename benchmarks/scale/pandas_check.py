"""Checks the rows and vocabularies of a run against pandas: `python -m benchmarks.scale.pandas_check`.

pandas reads the reviews, keeps the last one of each user and book, and drops users with fewer than three different
books. The run's rows are those of its splits. Its vocabularies count the training split: pandas' rows without the
held-out ones.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.artifacts.parquet_examples import read_splits
from core.errors import DataError
from core.pseudonyms import pseudonymise, read_key
from data.example_schema import scalar_column
from transform import features
from transform.vocabulary import Vocabulary, read_vocabulary

LEAST_BOOKS: Final = 3


class Rows(NamedTuple):
    """Interactions as ids of users and books. -1: pandas does not have the user or book."""

    users: npt.NDArray[np.int64]
    books: npt.NDArray[np.int64]
    ratings: npt.NDArray[np.float32]
    """`[rows]`, NaN without a rating."""


class Kept(NamedTuple):
    """The reviews that pandas keeps."""

    user_names: pd.Index
    """Pseudonyms of the users."""

    book_names: pd.Index
    rows: Rows


def keep_by_pandas(csv: Path, key: bytes) -> Kept:
    """Returns the reviews in `csv` that pandas keeps, with users as pseudonyms by `key`."""
    names = [features.USER, features.ISBN]
    reviews = pd.read_csv(
        csv,
        usecols=[*names, features.RATING],
        dtype={features.USER: "category", features.ISBN: "category", features.RATING: "float32"},
        keep_default_na=False,
        na_values={features.RATING: [""]},
    )
    reviews = reviews.drop_duplicates(names, keep="last")
    books_a_user = reviews[features.USER].value_counts(sort=False)
    reviews = reviews[reviews[features.USER].isin(books_a_user.index[books_a_user >= LEAST_BOOKS])]
    user, book = (reviews[name].cat.remove_unused_categories().cat for name in names)
    return Kept(
        pd.Index([pseudonymise(name, key) for name in user.categories], dtype=object),
        pd.Index(book.categories, dtype=object),
        Rows(
            user.codes.to_numpy(np.int64),
            book.codes.to_numpy(np.int64),
            reviews[features.RATING].to_numpy(np.float32),
        ),
    )


def read_split(examples: str, split: str, kept: Kept) -> Rows:
    """Returns the rows of a split with pandas' ids.

    Args:
      examples: output of InteractionSplitter.
      split: name of the split.
      kept: the reviews that pandas keeps, which define the ids.
    """
    parts = []
    for table in read_splits(examples, [split]):
        codes = []
        for name, known in ((features.USER, kept.user_names), (features.ISBN, kept.book_names)):
            column = scalar_column(table, name).dictionary_encode()
            numbers = _numbers(column.dictionary.to_pylist(), known)
            codes.append(numbers[np.asarray(column.indices)])
        users, books = codes
        ratings = scalar_column(table, features.RATING).to_numpy(zero_copy_only=False).astype(np.float32)
        parts.append(Rows(users, books, ratings))
    return _joined(parts)


def compare_rows(kept: Kept, *splits: Rows) -> dict[str, int]:
    """Returns the numbers of rows of both sides, of rows on one side only, and of different ratings."""
    theirs, theirs_rated = _keys(kept.rows, len(kept.book_names)), kept.rows.ratings
    every = _joined(splits)
    known = (every.users >= 0) & (every.books >= 0)
    ours, ours_rated = _keys(every, len(kept.book_names))[known], every.ratings[known]
    common, at_theirs, at_ours = np.intersect1d(theirs, ours, return_indices=True)
    same = np.isclose(theirs_rated[at_theirs], ours_rated[at_ours], rtol=0, atol=0, equal_nan=True)
    return {
        "rows": len(every.users),
        "rows_of_pandas": len(theirs),
        "rows_missing": len(theirs) - len(common),
        "rows_surplus": len(every.users) - len(common),
        "ratings_different": int((~same).sum()),
    }


def compare_counts(vocabulary: Vocabulary, names: pd.Index, expected: npt.NDArray[np.int64]) -> dict[str, int]:
    """Returns the numbers of tokens in a vocabulary, in pandas, and with different counts (0 if absent).

    Args:
      vocabulary: vocabulary of the run.
      names: pandas' tokens.
      expected: `[names]`, counts in the training split. 0: the token must not be in the vocabulary.
    """
    numbers = _numbers(vocabulary.tokens, names)
    known, at = np.unique(numbers, return_index=True)
    at, known = at[known >= 0], known[known >= 0]
    counts = np.zeros(len(names), np.int64)
    counts[known] = vocabulary.counts[at]
    return {
        "tokens": len(vocabulary),
        "tokens_of_pandas": int((expected > 0).sum()),
        "tokens_different": int((counts != expected).sum()) + len(vocabulary) - len(known),
    }


def check(csv: Path, work_dir: Path, key_file: Path) -> dict[str, Any]:
    """Compares the newest run in `work_dir` with pandas. `same` in the result is True if nothing differs."""
    kept = keep_by_pandas(csv, read_key(key_file))
    examples = str(_newest(work_dir / "artifacts" / "InteractionSplitter" / "examples"))
    train, held_out = (read_split(examples, split, kept) for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT))
    found: dict[str, Any] = compare_rows(kept, train, held_out)
    assets = _newest(work_dir / "artifacts" / "Transform" / "transform_graph") / "transform_fn" / "assets"
    different = found["rows_missing"] + found["rows_surplus"] + found["ratings_different"]
    for name, names, every, without in (
        (features.USER_VOCABULARY, kept.user_names, kept.rows.users, held_out.users),
        (features.ISBN_VOCABULARY, kept.book_names, kept.rows.books, held_out.books),
    ):
        expected = np.bincount(every, minlength=len(names)) - np.bincount(without[without >= 0], minlength=len(names))
        found[name] = compare_counts(read_vocabulary(str(assets / f"{name}.tfrecord.gz")), names, expected)
        different += found[name]["tokens_different"]
    return {**found, "same": different == 0}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the result of `check` as JSON, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale.pandas_check", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE")
    parser.add_argument("--work-dir", type=Path, required=True, metavar="FOLDER", help="of the run")
    parser.add_argument("--key-file", type=Path, required=True, metavar="FILE", help="with the run's pseudonym key")
    options = parser.parse_args(argv)
    print(json.dumps(check(options.data, options.work_dir, options.key_file)))
    return 0


def _numbers(tokens: Sequence[bytes], names: pd.Index) -> npt.NDArray[np.int64]:
    """Returns the index of each token in `names`; -1 if absent."""
    return names.get_indexer(pd.Index([token.decode() for token in tokens], dtype=object)).astype(np.int64)


def _joined(parts: Sequence[Rows]) -> Rows:
    none = Rows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    users, books, ratings = (np.concatenate(column) for column in zip(none, *parts, strict=True))
    return Rows(users, books, ratings)


def _keys(rows: Rows, books: int) -> npt.NDArray[np.int64]:
    return rows.users * books + rows.books


def _newest(artifacts: Path) -> Path:
    numbers = [int(path.name) for path in artifacts.glob("[0-9]*")]
    if not numbers:
        raise DataError(f"{artifacts}: no artifact is there. Name the work folder of a run that has come to its end.")
    return artifacts / str(max(numbers))


if __name__ == "__main__":
    sys.exit(main())
