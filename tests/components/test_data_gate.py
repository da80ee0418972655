"""The contract and the gate, on statistics that TFDV really computed."""

from pathlib import Path

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from components.data_gate import (
    anomaly_rows,
    baseline_path,
    drift_rows,
    read_baseline,
    refusal,
    write_baseline,
)
from pipeline.config import SCHEMA_FILE
from tests.s3_server import Bucket
from transform import features
from transform.errors import DataError

SCHEMA = tfdv.load_schema_text(str(SCHEMA_FILE))


def statistics(**changed: list):
    """Statistics of 200 good reviews, with some columns changed. None is a missing value."""
    columns = {
        "User": [f"u{i % 20}" for i in range(200)],
        "ISBN": [f"b{i % 30}" for i in range(200)],
        "RatingOf5": [None if i % 8 == 0 else float(i % 5 + 1) for i in range(200)],
        "Genres": [["Fiction", "Crime"][i % 2] for i in range(200)],
    }
    return tfdv.generate_statistics_from_dataframe(
        pd.DataFrame({**columns, **changed}), stats_options=tfdv.StatsOptions(schema=SCHEMA), n_jobs=1
    )


@pytest.fixture(scope="module")
def good():
    return statistics()


def test_the_contract_is_about_the_columns_of_the_reviews() -> None:
    assert [feature.name for feature in SCHEMA.feature] == list(features.RAW_FEATURES)
    [rating] = [feature for feature in SCHEMA.feature if feature.name == features.RATING]
    assert (rating.float_domain.min, rating.float_domain.max) == (features.RATING_MIN, features.RATING_MAX)


def test_good_reviews_have_no_anomalies(good) -> None:
    assert anomaly_rows(tfdv.validate_statistics(good, SCHEMA)) == []


@pytest.mark.parametrize("column", ["RatingOf5", "Genres"])
def test_reviews_may_all_be_without_ratings_or_genres(good, column: str) -> None:
    without = statistics(**{column: [None] * 200})
    assert anomaly_rows(tfdv.validate_statistics(without, SCHEMA)) == []
    assert drift_rows(without, SCHEMA, without) == []
    assert [row[0] for row in drift_rows(without, SCHEMA, good)] == [column]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("RatingOf5", [7.0] + [3.0] * 199),
        ("RatingOf5", [-1.0] + [3.0] * 199),
        ("RatingOf5", ["five"] * 200),
        ("User", [None] + ["u"] * 199),
        ("ISBN", [None] + ["b"] * 199),
    ],
)
def test_each_breach_is_a_row_with_its_feature(column: str, values: list) -> None:
    rows = anomaly_rows(tfdv.validate_statistics(statistics(**{column: values}), SCHEMA))
    assert {row[0] for row in rows} == {column}
    assert all(problem and detail for _, problem, detail in rows)


def test_the_refusal_is_a_table_with_a_remedy() -> None:
    text = refusal([("RatingOf5", "Out of range", "above 5")], [])
    assert text.splitlines()[2].split("  ")[1:] == ["RatingOf5", "Out of range", "above 5"]
    assert "--schema-file" in text
    assert "--accept-drift" not in text
    assert "--accept-drift" in refusal([], [("Genres", "drift", "0.4")])


def test_the_same_reviews_do_not_drift(good) -> None:
    assert drift_rows(good, SCHEMA, good) == []


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("RatingOf5", [float(i % 2 + 1) for i in range(200)]),
        ("RatingOf5", [None] * 150 + [float(i % 5 + 1) for i in range(50)]),
        ("Genres", ["Fiction"] * 200),
        ("Genres", [None] * 200),
    ],
)
def test_other_ratings_or_genres_are_drift(good, column: str, values: list) -> None:
    rows = drift_rows(statistics(**{column: values}), SCHEMA, good)
    assert {row[0] for row in rows} == {column}
    assert {row[1] for row in rows} == {"drift"}


def test_the_baseline_comes_back_as_it_was_kept(good, tmp_path: Path) -> None:
    folder = str(tmp_path / "baseline")
    assert read_baseline(folder, "reviews") is None
    write_baseline(folder, "reviews", good)
    assert read_baseline(folder, "reviews") == good
    write_baseline(folder, "reviews", statistics(User=["one"] * 200))
    assert read_baseline(folder, "reviews") != good
    assert [path.name for path in (tmp_path / "baseline").iterdir()] == ["reviews.binarypb"]


def test_a_remote_baseline_comes_back_too(good, bucket: Bucket) -> None:
    folder = f"minio://{bucket.name}/baseline/"
    assert read_baseline(folder, "reviews") is None
    write_baseline(folder, "reviews", good)
    assert read_baseline(folder, "reviews") == good
    assert bucket.names() == ["baseline/reviews.binarypb"]


@pytest.mark.parametrize("content", [b"", b"no protobuf at all"])
def test_a_damaged_baseline_is_told_with_the_remedy(content: bytes, tmp_path: Path) -> None:
    Path(baseline_path(str(tmp_path), "reviews")).write_bytes(content)
    with pytest.raises(DataError, match=r"reviews\.binarypb.*--accept-drift"):
        read_baseline(str(tmp_path), "reviews")
