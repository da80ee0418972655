"""The exported search beside others, on made-up vectors."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import serving


@pytest.mark.integration
@pytest.mark.exhaustive
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
