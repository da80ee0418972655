"""The splitter as Beam runs it: many shards are one shard, the cap is exact, the bytes are the same."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from components.artifacts import parquet_examples
from components.splitting import interaction_splitter
from components.splitting.interaction_splitter import check_counts, describe_counts, split_interactions
from components.splitting.split_parameters import SplitParameters
from core.errors import DataError
from core.progress import Advance, watched
from data.example_schema import EXAMPLE_SCHEMA
from tests.beam_options import IN_MEMORY
from tests.components.splitting.test_rules import as_frame, as_table, random_reviews
from tests.odd_names import ODD_FOLDER


def write_reviews(folder: Path, reviews: pd.DataFrame, parts: int = 3) -> str:
    for part, rows in enumerate(np.array_split(np.arange(len(reviews)), parts)):
        with parquet_examples.part_writer(parquet_examples.part_path(str(folder), "reviews", part, parts)) as writer:
            writer.write_table(as_table(reviews.iloc[rows]), row_group_size=37)
    return str(folder)


def run(source: str, target: Path, **parameters: float) -> dict[str, int]:
    pipeline = beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions(IN_MEMORY))
    return split_interactions(pipeline, source, str(target), SplitParameters(**parameters))


def read_split(folder: Path, split: str) -> pd.DataFrame:
    tables = [
        table
        for path in parquet_examples.part_paths(str(folder), split)
        for table in [EXAMPLE_SCHEMA.empty_table(), *parquet_examples.read_row_groups(path)]
    ]
    return as_frame(pa.concat_tables(tables))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_reviews(tmp_path_factory.mktemp("reviews") / ODD_FOLDER, random_reviews(7))


@pytest.fixture(scope="module")
def split(source: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """The folder of a run with the default parameters, and what it counted."""
    folder = tmp_path_factory.mktemp("split") / ODD_FOLDER
    folder.mkdir()
    return folder, run(source, folder)


def test_who_watches_sees_all_reviews_and_all_shards_come(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interaction_splitter, "ROWS_A_SHARD", 200)
    heard: list[Advance] = []
    with watched(heard.append):
        run(source, tmp_path)
    reviews = len(random_reviews(7))
    done = {told.unit: 0.0 for told in heard}
    for told in heard:
        done[told.unit] += told.by
    assert done == {"reviews": reviews, "shards": 2 * (1 + reviews // 200)}
    assert {told.total for told in heard} == {reviews, 1 + reviews // 200}


def test_splits_are_disjoint_and_together_all_that_is_kept(split: tuple[Path, dict[str, int]]) -> None:
    folder, counts = split
    train, held = (read_split(folder, name) for name in ("train", "eval"))
    distinct = random_reviews(7).drop_duplicates(["user", "book"], keep="last")
    kept = distinct[distinct.groupby("user").book.transform("size") >= 3]
    pairs = [set(zip(frame.user, frame.book, strict=True)) for frame in (train, held)]
    assert not pairs[0] & pairs[1]
    assert pairs[0] | pairs[1] == set(zip(kept.user, kept.book, strict=True))
    assert set(held.user) == set(train.user) == set(kept.user)
    assert (counts["train_interactions"], counts["eval_interactions"]) == (len(train), len(held))
    assert counts["eval_users"] == held.user.nunique()
    assert counts["books"] == random_reviews(7).book.nunique()
    assert counts["kept_books"] == kept.book.nunique()


def test_the_number_of_shards_changes_nothing(
    split: tuple[Path, dict[str, int]], source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, counts = split
    monkeypatch.setattr(interaction_splitter, "ROWS_A_SHARD", 5)
    assert run(source, tmp_path) == counts
    assert len(parquet_examples.part_paths(str(tmp_path), "train")) == 81
    for name in ("train", "eval"):
        one, many = (
            read_split(place, name).sort_values(["user", "book"], ignore_index=True) for place in (folder, tmp_path)
        )
        pd.testing.assert_frame_equal(one, many)


@pytest.mark.parametrize(
    ("cap", "rows_a_shard"),
    [
        (1, 1_000_000),
        (10, 40),
        (59, 40),
        (5_000, 1_000_000),
        *(
            pytest.param(cap, rows, marks=pytest.mark.exhaustive)
            for cap, rows in ((1, 40), (10, 1_000_000), (59, 1_000_000), (5_000, 40))
        ),
    ],
)
def test_the_cap_on_holdout_users_is_exact(
    cap: int, rows_a_shard: int, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interaction_splitter, "ROWS_A_SHARD", rows_a_shard)
    counts = run(source, tmp_path, max_holdout_users=cap)
    assert counts["eval_users"] == min(cap, counts["kept_users"])
    assert read_split(tmp_path, "eval").user.nunique() == counts["eval_users"]


def test_two_runs_write_the_same_bytes(split: tuple[Path, dict[str, int]], source: str, tmp_path: Path) -> None:
    run(source, tmp_path)
    for name in ("train", "eval"):
        paths = [parquet_examples.part_paths(str(folder), name) for folder in (split[0], tmp_path)]
        assert paths[0]
        for first, second in zip(*paths, strict=True):
            assert Path(first).read_bytes() == Path(second).read_bytes()


def test_the_last_review_wins_across_files(tmp_path: Path) -> None:
    reviews = pd.DataFrame({"user": ["a"] * 5, "book": ["x", "y", "z", "x", "x"], "rating": [1.0, 2.0, 3.0, 4.0, 5.0]})
    run(write_reviews(tmp_path / "in", reviews, parts=5), tmp_path / "out")
    both = pd.concat([read_split(tmp_path / "out", split) for split in ("train", "eval")])
    assert both.set_index("book").rating.to_dict() == {"x": 5, "y": 2, "z": 3}


def test_what_was_counted_is_told_in_lines(split: tuple[Path, dict[str, int]]) -> None:
    lines = list(describe_counts(split[1]))
    assert lines[0].split() == ["reviews", "400"]
    assert len({len(line) for line in lines}) == 1


def test_no_active_user_is_told_with_the_most_active_one(tmp_path: Path) -> None:
    reviews = pd.DataFrame({"user": list("aabc"), "book": list("xyxx"), "rating": [1.0] * 4})
    counts = run(write_reviews(tmp_path / "in", reviews, parts=1), tmp_path / "out")
    with pytest.raises(DataError, match=r"of 3 users the most active one has 2\. Lower --split\.min-reviews to 2"):
        check_counts(counts, SplitParameters())
    two = run(str(tmp_path / "in"), tmp_path / "two", min_reviews=2)
    assert two["kept_users"] == 1
    check_counts(two, SplitParameters(min_reviews=2, max_unseen_share=1))


def sparse(readers: int, books_each: int, shared: int) -> pd.DataFrame:
    """Readers of `shared` books that all of them have, and else of books of their own."""
    pairs = [
        (f"u{reader}", f"b{book}" if book < shared else f"own {reader} {book}")
        for reader in range(readers)
        for book in range(books_each)
    ]
    return pd.DataFrame(pairs, columns=["user", "book"]).assign(rating=4.0)


@pytest.mark.parametrize("rows_a_shard", [1_000_000, 20])
def test_heldout_books_that_are_in_nobodys_training_reviews_are_counted_over_all_shards(
    rows_a_shard: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interaction_splitter, "ROWS_A_SHARD", rows_a_shard)
    counts = run(write_reviews(tmp_path / "in", sparse(40, 8, 4)), tmp_path / "out", holdout_share=0.25)
    train, held = (read_split(tmp_path / "out", name) for name in ("train", "eval"))
    assert counts["unseen_interactions"] == (~held.book.isin(set(train.book))).sum() > 20


def test_reviews_of_which_half_of_the_heldout_books_are_never_seen_are_too_sparse(tmp_path: Path) -> None:
    counts = run(write_reviews(tmp_path / "in", sparse(40, 8, 4)), tmp_path / "out", holdout_share=0.25)
    unseen = counts["unseen_interactions"]
    with pytest.raises(DataError, match="too sparse to learn from") as caught:
        check_counts(counts, SplitParameters(holdout_share=0.25))
    told = str(caught.value)
    assert f"{unseen} of 80 held-out books ({unseen / 80:.0%}) are in nobody's training reviews" in told
    assert "40 readers have 320 reviews of 164 books: 2.0 a book" in told
    for setting in (
        "--split.max-unseen-share 0.4",
        "--split.min-reviews (it is 3)",
        "--split.holdout-share (it is 0.25)",
    ):
        assert setting in told
    check_counts(counts, SplitParameters(holdout_share=0.25, max_unseen_share=unseen / 80))


def test_reviews_whose_books_have_several_readers_are_not_too_sparse(split: tuple[Path, dict[str, int]]) -> None:
    assert split[1]["unseen_interactions"] <= 2
    check_counts(split[1], SplitParameters())
