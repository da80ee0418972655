"""The bundled sample is what its README says, and a recommender can learn from it."""

import ast
import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pandas
import pytest

from core.project import ROOT
from data import synthesize

SAMPLE = ROOT / "data" / "sample"
MIN_BOOKS = 3
HELD_OUT_SHARE = 0.2
TOP = 20


@pytest.fixture(scope="module")
def reviews() -> pandas.DataFrame:
    return pandas.read_csv(SAMPLE / "reviews.csv.gz", dtype={"User": str, "ISBN": str})


def test_the_command_in_the_readme_makes_the_same_bytes(tmp_path: Path) -> None:
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^python -m data\.synthesize (.*)$", readme, re.MULTILINE)
    *arguments, flag, name = shlex.split(command)
    assert (flag, name) == ("--out", "data/sample/reviews.csv.gz")
    out = tmp_path / "reviews.csv.gz"
    assert synthesize.main([*arguments, flag, str(out)]) == 0
    # Unpacked: how a zlib packs is its own affair.
    assert gzip.decompress(out.read_bytes()) == gzip.decompress((SAMPLE / "reviews.csv.gz").read_bytes())


def test_it_is_small_enough_to_be_committed_and_carries_no_time() -> None:
    content = (SAMPLE / "reviews.csv.gz").read_bytes()
    assert len(content) < 1_000_000
    assert content[3:8] == bytes(5)


def test_it_has_the_size_that_the_readme_tells(reviews: pandas.DataFrame) -> None:
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    told = re.search(r"holds ([\d,]+) made-up reviews by ([\d,]+) users of ([\d,]+) books", readme)
    assert told is not None
    numbers = tuple(int(number.replace(",", "")) for number in told.groups())
    assert numbers == (len(reviews), reviews["User"].nunique(), reviews["ISBN"].nunique())


def test_every_cell_is_one_that_the_pipeline_knows(reviews: pandas.DataFrame) -> None:
    assert reviews[["User", "ISBN"]].notna().all(axis=None)
    assert set(reviews["RatingOf5"].dropna()) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert all(isinstance(ast.literal_eval(genres), list) for genres in reviews["Genres"].dropna().unique())


def test_item_knn_finds_at_least_twice_as_many_held_out_books_as_popularity(reviews: pandas.DataFrame) -> None:
    train, held_out = split(reviews)
    popular = recall(np.broadcast_to(train.sum(axis=0), train.shape), train, held_out)
    together = train.T @ train  # [users, books]^T @ [users, books] -> [books, books]
    np.fill_diagonal(together, 0)
    lengths = np.sqrt(np.maximum(train.sum(axis=0), 1))
    similar = recall(train @ (together / lengths / lengths[:, None]), train, held_out)
    assert popular > 0.05
    assert similar > 2 * popular
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    told = re.search(r"Recall@20\s+([\d.]+)\s+against\s+([\d.]+)", readme)
    assert told is not None
    assert [float(number) for number in told.groups()] == pytest.approx([similar, popular], abs=0.02)


def split(reviews: pandas.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns 0/1 matrices `[users, books]` of training and held-out interactions, at least one a user held out."""
    pairs = reviews[["User", "ISBN"]].drop_duplicates()
    pairs = pairs[pairs.groupby("User")["ISBN"].transform("size") >= MIN_BOOKS]
    # The rows are in random order, so a user's first ones are a random choice.
    place = pairs.groupby("User").cumcount()
    size = pairs.groupby("User")["ISBN"].transform("size")
    held = (place < np.maximum(1, (size * HELD_OUT_SHARE).astype(int))).to_numpy()
    user, book = pandas.factorize(pairs["User"])[0], pandas.factorize(pairs["ISBN"])[0]
    matrices = []
    for rows in (~held, held):
        matrix = np.zeros((user.max() + 1, book.max() + 1), np.float32)
        matrix[user[rows], book[rows]] = 1
        matrices.append(matrix)
    return matrices[0], matrices[1]


def recall(scores: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Returns Recall@20, the mean over users of hits / held-out books; training books are not recommended."""
    masked = np.where(train > 0, -np.inf, scores)
    top = np.argpartition(-masked, TOP, axis=1)[:, :TOP]
    hits = np.take_along_axis(held_out, top, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


def test_recall_counts_hits_among_held_out_books_and_skips_training_books() -> None:
    train, held_out = np.zeros((1, 40), np.float32), np.zeros((1, 40), np.float32)
    train[0, :5] = 1
    held_out[0, [5, 24, 39]] = 1
    # Descending scores: 0..4 are known, so the first 20 are 5..24, with two of the three held-out books.
    assert recall(-np.arange(40.0)[None], train, held_out) == pytest.approx(2 / 3)
