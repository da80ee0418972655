"""Ranking and measuring beside plain numpy, on made-up readers."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import evaluation


@pytest.mark.integration
@pytest.mark.exhaustive
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
