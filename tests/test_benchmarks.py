"""The benchmarks on data sets of a moment: what is held out, that the pushed model is asked, and what is measured."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import evaluation, quality, serving, size
from benchmarks.holdout import held_out, read_reviews, thinned


def reviews(seed: int = 0, readers: int = 60) -> pd.DataFrame:
    """Readers of two tastes with 2 to 14 of the 60 books of their taste."""
    random = np.random.default_rng(seed)
    rows = [
        (f"reader {user}", f"book {2 * book + user % 2}", "4", "")
        for user in range(readers)
        for book in random.choice(60, 2 + user % 13, replace=False)
    ]
    return pd.DataFrame(rows, columns=["User", "ISBN", "RatingOf5", "Genres"])


def pairs(histories, holdout) -> set[tuple[str, str]]:
    return {
        (holdout.users[user], holdout.books[book])
        for user in range(len(holdout.users))
        for book in histories.books[histories.row_splits[user] : histories.row_splits[user + 1]]
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_each_readers_books_is_held_out_and_nothing_is_lost(seed: int) -> None:
    every = reviews(seed)
    holdout = held_out(every, seed)
    sizes = every.groupby("User").size()
    kept = sizes[sizes >= 3]
    wanted = holdout.wanted.sizes() + holdout.unfindable
    for user, held in zip(holdout.users, wanted, strict=True):
        assert held == max(int(kept[user] * 0.2 + 1e-9), 1)
    assert len(holdout.users) == len(kept)
    training, found = pairs(holdout.training, holdout), pairs(holdout.wanted, holdout)
    assert not training & found
    assert len(training) + len(found) + holdout.unfindable.sum() == kept.sum()
    assert training == set(zip(holdout.reviews.User, holdout.reviews.ISBN, strict=True))


def test_thinning_keeps_so_many_books_at_most() -> None:
    thin = thinned(reviews(), 5, seed=1)
    assert thin.groupby("User").size().max() == 5
    assert thin.groupby("User").size().sum() == np.minimum(reviews().groupby("User").size(), 5).sum()


def test_the_last_review_of_a_reader_and_a_book_counts(tmp_path: Path) -> None:
    both = pd.concat([reviews(), reviews().assign(RatingOf5="1")])
    both.to_csv(tmp_path / "reviews.csv")
    read = read_reviews(tmp_path)
    assert len(read) == len(reviews())
    assert (read.RatingOf5 == "1").all()


def test_a_perfect_ranking_scores_1_and_unfindable_books_count_as_missed() -> None:
    holdout = held_out(reviews(), 0)
    wanted = holdout.wanted
    ranked = np.full((len(holdout.users), 100), -1)
    for user in range(len(holdout.users)):
        books = wanted.books[wanted.row_splits[user] : wanted.row_splits[user + 1]]
        ranked[user, : len(books)] = books
    found = holdout._replace(unfindable=np.zeros_like(holdout.unfindable))
    assert quality.scores(ranked, found)["recall_at_20"] == pytest.approx(1)
    missed = holdout._replace(unfindable=wanted.sizes())
    assert quality.scores(ranked, missed)["recall_at_20"] == pytest.approx(0.5)


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_the_pushed_model_is_asked_and_stands_in_one_table_with_its_peers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews(readers=400).to_csv(tmp_path / "reviews.csv")
    out = tmp_path / "quality.json"
    arguments = ["--set", f"tastes={tmp_path / 'reviews.csv'}", "--seeds", "1", "--out", str(out)]
    flags = ["--training.max-epochs", "3", "--evaluation.min-slice-lift", "0"]
    assert quality.main([*arguments, "--peers", "popularity", "item_knn", "--", *flags]) == 0
    rows = {row["recommender"]: row for row in json.loads(out.read_text())}
    assert list(rows) == [quality.PUSHED, "popularity", "item_knn"]
    assert rows[quality.PUSHED]["recall_at_20"] > 1.3 * rows["popularity"]["recall_at_20"] > 0
    assert capsys.readouterr().out.count("| tastes |") == 3


@pytest.mark.e2e
def test_a_version_is_measured_beside_the_same_one_in_float32(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "size.json"
    assert size.main(["--reviews", "4000", "--users", "600", "--books", "300", "--out", str(out)]) == 0
    stored, floats = json.loads(out.read_text())
    assert (stored["vectors"], floats["vectors"], stored["width"]) == (size.STORED, size.FLOAT32, 256)
    assert 250 < stored["users"] < 600
    tables = 2 * stored["books"] * stored["width"] / 2**20
    assert floats["saved_model_mib"] - stored["saved_model_mib"] == pytest.approx((4 - 1.125) * tables, rel=0.05)
    assert floats["archive_mib"] > stored["archive_mib"] + 2 * tables
    assert stored["archive_with_twin_mib"] > stored["archive_mib"] + 0.7 * tables
    assert 0.98 < stored["top_100_in_common"] < floats["top_100_in_common"] == 1
    assert 0 < stored["resident_before_mib"] < stored["resident_mib"] <= stored["peak_mib"]
    printed = capsys.readouterr().out
    assert f"| {size.STORED} | {stored['archive_mib']:.1f} |" in printed
    assert f"| {size.FLOAT32} | {floats['archive_mib']:.1f} |" in printed


def test_searches_stand_in_one_table_with_their_ratio_to_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "serving.json"
    sizes = ["--books", "7000", "--embedding-dim", "8", "--batches", "1", "3", "--threads", "1"]
    assert serving.main([*sizes, "--seconds", "0", "--least-rounds", "2", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert {(row["batch"], row["rounds"], row["books"]) for row in rows} == {(1, 2, 7000), (3, 2, 7000)}
    assert {row["competitor"] for row in rows} >= {serving.OURS, "TFRS BruteForce", "numpy argpartition"}
    exact = [row for row in rows if row["competitor"] in (serving.OURS, "TFRS BruteForce", "numpy argpartition")]
    assert min(row["recall_at_100"] for row in exact) > 0.99
    ours = {row["batch"]: row["median_ms"] for row in rows if row["competitor"] == serving.OURS}
    for row in rows:
        assert row["ratio_to_ours"] == pytest.approx(row["median_ms"] / ours[row["batch"]])
    printed = capsys.readouterr().out
    assert printed.count("| 7,000 | 1 |") == 2
    assert ("Skipped: FAISS IndexFlatIP: " in printed) == ("FAISS IndexFlatIP" not in {r["competitor"] for r in rows})


def test_books_of_one_centre_are_nearer_to_each_other_and_readers_to_their_centres() -> None:
    vectors, centre = serving.clustered(6_000, 64)
    cosines = vectors[:500] @ vectors.T
    same = centre[:500, np.newaxis] == centre
    same[np.arange(500), np.arange(500)] = False
    assert cosines[same].mean() == pytest.approx(0.5, abs=0.05)
    assert abs(cosines[:, 500:][~same[:, 500:]].mean()) < 0.01
    assert np.linalg.norm(serving.readers(vectors, centre, 5), axis=1) == pytest.approx(1)


def test_ranking_stands_beside_numpys_with_the_same_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "evaluation.json"
    sizes = ["--reviews", "4000", "--users", "600", "--books", "300", "--holdout-users", "100", "--embedding-dim", "8"]
    assert evaluation.main([*sizes, "--resamples", "20", "--rounds", "1", "--out", str(out)]) == 0
    ours, by_numpy = json.loads(out.read_text())
    assert (ours["ranker"], by_numpy["ranker"]) == (evaluation.OURS, evaluation.NUMPY)
    assert (ours["holdout_users"], ours["books"], ours["embedding_dim"], ours["rounds"]) == (100, 300, 8, 1)
    assert ours["same_places"] > 0.99
    assert (ours["ratio_to_ours"], by_numpy["ratio_to_ours"]) == (
        1,
        pytest.approx(by_numpy["ranking_seconds"] / ours["ranking_seconds"]),
    )
    for row in (ours, by_numpy):
        assert row["metrics_seconds"] > 0
        assert 0 < row["before_mib"] <= row["ranking_peak_mib"] <= row["peak_mib"]
    printed = capsys.readouterr().out
    assert printed.count("\n| ") == 3
    assert f"| {evaluation.NUMPY} | {by_numpy['ranking_seconds']:.1f} | {by_numpy['ratio_to_ours']:.2f} |" in printed


def test_readers_keep_books_to_learn_from_and_few_books_are_read_by_many() -> None:
    sizes = {"reviews": 40_000, "users": 6_000, "books": 3_000, "holdout_users": 500, "embedding_dim": 8, "seed": 1}
    made = evaluation.judged(argparse.Namespace(**sizes))
    kept, wanted = made.training.sizes()[made.users], made.wanted.sizes()[made.users]
    assert len(np.unique(made.users)) == 500
    assert kept.min() >= 1
    assert (wanted == np.maximum((0.2 * (kept + wanted) + 1e-9).astype(int), 1)).all()
    counts = np.sort(np.bincount(made.training.books, minlength=3_000))[::-1]
    assert counts[:300].sum() > counts[-1_500:].sum()
