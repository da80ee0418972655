"""Made-up reviews have the shape that was asked for, and are the same on every machine."""

import ast
import csv
import gzip
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.project import ROOT
from data import synthesize
from data.reviews.csv_reader import RatingsCsv
from data.reviews.csv_writer import HEADER
from data.synthetic.activity import reviews_per_user
from data.synthetic.books import book_titles
from data.synthetic.draws import Draws
from data.synthetic.names import user_names
from data.synthetic.parameters import SyntheticParameters

SHAPE = SyntheticParameters(reviews=50_000, users=12_000, books=2_500, seed=7)

# Of 1,000 reviews with seed 3. Another digest means that everybody's data changed: make the sample again, and tell it
# in the CHANGELOG.
FROZEN = "153f49e5d8ed65de89a9869c4419872c6c1c08b3fe2245f918ea73d7ff4dbf77"
WORDS = [14460549579101240468, 12332182579652894595]


def made(parameters: SyntheticParameters) -> bytes:
    stream = io.BytesIO()
    synthesize.write_reviews(parameters, stream)
    return stream.getvalue()


def frame_of(content: bytes) -> pandas.DataFrame:
    return pandas.read_csv(io.BytesIO(content), dtype={"User": str, "ISBN": str, "RatingOf5": float, "Genres": str})


@pytest.fixture(scope="module")
def reviews() -> pandas.DataFrame:
    return frame_of(made(SHAPE))


def flags(**values: Any) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def test_there_are_as_many_reviews_users_and_books_as_asked_for(reviews: pandas.DataFrame) -> None:
    assert len(reviews) == SHAPE.reviews
    assert reviews["User"].nunique() == SHAPE.users
    assert reviews["ISBN"].nunique() == SHAPE.books
    assert reviews.iloc[:, 0].tolist() == list(range(SHAPE.reviews))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_size_that_is_accepted_is_made_exactly(data: st.DataObject) -> None:
    users = data.draw(st.integers(1, 60), "users")
    books = data.draw(st.integers(20, 60), "books")
    most = users * books // 4
    least = max(users, books)
    if most < least:
        return
    reviews = data.draw(st.integers(least, most), "reviews")
    frame = frame_of(made(SyntheticParameters(reviews=reviews, users=users, books=books, seed=reviews)))
    assert (len(frame), frame["User"].nunique(), frame["ISBN"].nunique()) == (reviews, users, books)


def test_a_share_is_unrated_and_the_rest_are_whole_stars_mostly_good(reviews: pandas.DataFrame) -> None:
    ratings = reviews["RatingOf5"]
    assert ratings.isna().mean() == pytest.approx(0.13, abs=0.01)
    shares = ratings.value_counts(normalize=True)
    assert set(shares.index) == {1, 2, 3, 4, 5}
    assert shares[5] > shares[4] > shares[3] > shares[2]


def test_a_few_percent_repeat_a_user_and_book_and_some_with_another_rating(reviews: pandas.DataFrame) -> None:
    repeated = reviews.duplicated(["User", "ISBN"])
    assert 0.015 < repeated.mean() < 0.05
    again = reviews[reviews.duplicated(["User", "ISBN"], keep=False)].groupby(["User", "ISBN"])["RatingOf5"]
    assert (again.nunique() > 1).mean() > 0.3


def test_a_few_books_have_many_reviews_and_most_have_few(reviews: pandas.DataFrame) -> None:
    counts = reviews["ISBN"].value_counts()
    assert counts.head(len(counts) // 100).sum() > 0.05 * len(reviews)
    assert counts.max() > 10 * counts.median()


def test_books_of_one_taste_share_readers(reviews: pandas.DataFrame) -> None:
    """Two books of one reader share their main genre far more often than two books of different readers."""
    known = reviews.dropna(subset=["Genres"]).drop_duplicates(["User", "ISBN"]).sort_values("User", kind="stable")
    genre = known["Genres"].str.extract(r"^\[['\"]([^,]+?)['\"][,\]]")[0].to_numpy()
    same_reader = (known["User"].to_numpy()[1:] == known["User"].to_numpy()[:-1]).nonzero()[0]
    of_one = (genre[same_reader] == genre[same_reader + 1]).mean()
    of_two = (genre[:-500] == genre[500:]).mean()
    assert of_one > 3 * of_two


def test_ratings_depend_on_taste(reviews: pandas.DataFrame) -> None:
    """A reader rates books of the genre that he reads most higher than the others."""
    known = reviews.dropna(subset=["Genres", "RatingOf5"])
    known = known.assign(genre=known["Genres"].str.extract(r"^\[['\"]([^,]+?)['\"][,\]]")[0])
    known = known[known.groupby("User")["ISBN"].transform("size") >= 8]
    favourite = known.groupby("User")["genre"].transform(lambda genres: genres.mode().iloc[0])
    ratings = known["RatingOf5"].groupby(known["genre"] == favourite).mean()
    assert ratings[True] > ratings[False] + 0.1


def test_names_look_scraped_and_titles_are_awkward(reviews: pandas.DataFrame) -> None:
    users, titles = reviews["User"].drop_duplicates(), reviews["ISBN"].drop_duplicates()
    for pattern in (r"A[0-9A-Z]{12}", r"[0-9a-f]{32}", r"user_\d{9}", r"00\d{9}"):
        assert 0.02 < users.str.fullmatch(pattern).mean() < 0.8, pattern
    for pattern in (",", '"', ":", "'", r"^0\d{9}$", r"[^\x00-\x7f]", r"[\u3040-\u9fff]", r"[\u0400-\u04ff]"):
        assert 0.002 < titles.str.contains(pattern).mean() < 0.6, pattern


def test_genres_are_lists_of_one_to_four_and_sometimes_missing(reviews: pandas.DataFrame) -> None:
    assert 0.01 < reviews["Genres"].isna().mean() < 0.1
    lengths = reviews["Genres"].dropna().map(lambda text: len(ast.literal_eval(text)))
    assert set(lengths) == {1, 2, 3, 4}


def test_rows_are_in_no_order(reviews: pandas.DataFrame) -> None:
    assert (reviews["User"].to_numpy()[1:] == reviews["User"].to_numpy()[:-1]).mean() < 0.01


def test_the_pipeline_reads_every_row() -> None:
    content = made(SHAPE)
    file = RatingsCsv(lambda: io.BytesIO(content), "reviews.csv", b"0123456789abcdef")
    assert sum(table.num_rows for table in file.tables()) == SHAPE.reviews
    assert file.report.rejects == []


def test_activity_is_that_of_the_notebook_at_its_scale() -> None:
    counts = reviews_per_user(1_733_561, 706_880, 57_186 // 2)
    assert counts.sum() == 1_733_561
    assert len(counts) == 706_880
    readers = counts[counts >= 3]
    assert len(readers) == pytest.approx(131_000, rel=0.02)
    assert readers.sum() == pytest.approx(1_000_000, rel=0.02)
    assert (counts == 1).sum() > 0.5 * len(counts)
    assert counts.max() > 1_000


@given(st.integers(1, 300), st.floats(1, 5), st.integers(10, 50))
def test_activity_always_adds_up_within_its_bounds(users: int, mean: float, most: int) -> None:
    reviews = int(users * min(mean, most / 2))
    counts = reviews_per_user(reviews, users, most)
    assert counts.shape == (users,)
    assert counts.sum() == reviews
    assert counts.min() >= 1
    assert counts.max() <= most


def test_no_two_users_or_books_share_a_name() -> None:
    names = user_names(200_000, seed=5).to_pylist()
    assert len(set(names)) == 200_000
    titles = book_titles(SyntheticParameters(reviews=30_000, users=10_000, books=30_000, seed=5))
    assert len(set(titles)) == 30_000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() -> None:
    parameters = SyntheticParameters(reviews=1_000, users=200, books=100, seed=3)
    assert made(parameters) == made(parameters)
    assert made(parameters) != made(parameters.model_copy(update={"seed": 4}))


def test_the_bytes_are_those_of_every_machine() -> None:
    content = made(SyntheticParameters(reviews=1_000, users=200, books=100, seed=3))
    assert hashlib.sha256(content).hexdigest() == FROZEN


@pytest.mark.integration
@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_order_of_sets_plays_no_part(tmp_path: Path, hash_seed: str) -> None:
    command = ["data.synthesize", *flags(reviews=1000, users=200, books=100, seed=3, out=tmp_path / "reviews.csv")]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, env=environment, capture_output=True)
    assert hashlib.sha256((tmp_path / "reviews.csv").read_bytes()).hexdigest() == FROZEN


def test_the_size_of_the_parts_that_are_written_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = SyntheticParameters(reviews=1_000, users=200, books=100, seed=3)
    whole = made(parameters)
    monkeypatch.setattr(synthesize, "CHUNK", 77)
    assert made(parameters) == whole


def test_the_command_writes_plain_and_packed_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = flags(reviews=300, users=60, books=30, seed=9)
    assert synthesize.main([*size, f"--out={tmp_path / 'reviews.csv'}"]) == 0
    assert "300 reviews by 60 users of 30 books, seed 9" in capsys.readouterr().out
    assert synthesize.main([*size, f"--out={tmp_path / 'reviews.csv.gz'}"]) == 0
    plain = (tmp_path / "reviews.csv").read_bytes()
    assert plain.startswith(HEADER.encode())
    assert gzip.decompress((tmp_path / "reviews.csv.gz").read_bytes()) == plain
    rows = list(csv.reader(io.StringIO(plain.decode(), newline="")))
    assert {len(row) for row in rows} == {5}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reviews.csv", "reviews.csv.gz"]


def test_all_faults_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "reviews.parquet"
    assert synthesize.main(flags(reviews="many", users=0, books=3, seed=-1, out=out)) == 2
    told = capsys.readouterr().err
    for part in (f"--out {out}", "--reviews many", "--users 0", "--books 3", "--seed -1"):
        assert part in told, part
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ({"reviews": 99, "users": 100, "books": 20}, "99 reviews are too few for 100 users"),
        ({"reviews": 99, "users": 10, "books": 100}, "99 reviews are too few for 100 books"),
        ({"reviews": 999, "users": 10, "books": 100}, "999 reviews are too many"),
    ],
)
def test_sizes_that_do_not_fit_together_leave_the_old_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: dict[str, int], told: str
) -> None:
    out = tmp_path / "reviews.csv"
    out.write_text("old")
    assert synthesize.main(flags(**size, out=out)) == 2
    assert told in capsys.readouterr().err
    assert out.read_text() == "old"


def test_draws_come_from_raw_bits_alone() -> None:
    """numpy promises to keep the bits of PCG64; the first ones of this stream are written down here."""
    assert Draws(1, "a").words(2).tolist() == WORDS
    uniform = Draws(1, "a").uniform(2)
    assert uniform.tolist() == [(word >> 11) / 2**53 for word in WORDS]


def test_draws_stay_in_their_range_and_favour_heavy_weights() -> None:
    draws = Draws(2, "b")
    assert set(draws.below(1_000, 3).tolist()) == {0, 1, 2}
    counts = np.bincount(draws.weighted(20_000, np.cumsum([1.0, 0.0, 3.0])), minlength=3)
    assert counts[1] == 0
    assert counts[2] / counts[0] == pytest.approx(3, rel=0.1)
    assert sorted(draws.permutation(500).tolist()) == list(range(500))
