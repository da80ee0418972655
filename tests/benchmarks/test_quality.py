"""The pushed model is asked, and scored as baselines are."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.holdout import held_out
from tests.benchmarks.made_reviews import reviews


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


@pytest.mark.exhaustive
@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_the_pushed_model_is_asked_and_stands_in_one_table_with_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews(readers=400).to_csv(tmp_path / "reviews.csv")
    out = tmp_path / "quality.json"
    arguments = ["--set", f"tastes={tmp_path / 'reviews.csv'}", "--seeds", "1", "--out", str(out)]
    flags = ["--training.max-epochs", "3", "--evaluation.min-slice-lift", "0"]
    assert quality.main([*arguments, "--baselines", "popularity", "item_knn", "--", *flags]) == 0
    rows = {row["recommender"]: row for row in json.loads(out.read_text())}
    assert list(rows) == [quality.PUSHED, "popularity", "item_knn"]
    assert rows[quality.PUSHED]["recall_at_20"] > 1.3 * rows["popularity"]["recall_at_20"] > 0
    assert capsys.readouterr().out.count("| tastes |") == 3
