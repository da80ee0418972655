"""The contract and the gate, on statistics that TFDV really computed."""

from pathlib import Path

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import v1 as tfx

from components.ingestion.data_gate import (
    DataGate,
    anomaly_rows,
    baseline_path,
    drift_measures,
    drift_rows,
    read_baseline,
    refusal,
    statistics_path,
    write_baseline,
)
from core.errors import DataError, GateError
from pipeline.configuration.config import SCHEMA_FILE
from tests.s3_server import Bucket
from transform import features

SCHEMA = tfdv.load_schema_text(str(SCHEMA_FILE))


def statistics(rows: int = 200, readers: int = 20, books: int = 30, **changed: list):
    """Statistics of good reviews, with some columns changed. None is a missing value."""
    columns = {
        "User": [f"u{i % readers}" for i in range(rows)],
        "ISBN": [f"b{i % books}" for i in range(rows)],
        "RatingOf5": [None if i % 8 == 0 else float(i % 5 + 1) for i in range(rows)],
        "Genres": [["Fiction", "Crime"][i % 2] for i in range(rows)],
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
    text = refusal([("RatingOf5", "Out of range", "above 5")], [], [])
    assert text.splitlines()[2].split("  ")[1:] == ["RatingOf5", "Out of range", "above 5"]
    assert "--schema-file" in text
    assert "--accept-drift" not in text
    assert "--accept-drift" in refusal([], [("Genres", "drift", "0.4")], [])


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


@pytest.mark.integration
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


def let_through(observed, folder: Path, baseline_dir: Path, accept_drift: bool = False, max_shrinkage: float = 0.1):
    """Asks the gate through the component's own executor. Returns the statistics that it says it compared with."""
    kinds = tfx.types.standard_artifacts
    made = {
        "statistics": kinds.ExampleStatistics(),
        "schema": kinds.Schema(),
        "anomalies": kinds.ExampleAnomalies(),
        "gate": kinds.String(),
        "compared_with": kinds.ExampleStatistics(),
    }
    for name, artifact in made.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        artifact.uri = str(folder / name / "value") if name == "gate" else str(folder / name)
    made["statistics"].split_names = '["reviews"]'
    found = anomalies_pb2.Anomalies()
    for path, message in (
        (statistics_path(made["statistics"].uri, "reviews"), observed),
        (f"{made['anomalies'].uri}/Split-reviews/SchemaDiff.pb", found),
    ):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(message.SerializeToString())
    tfdv.write_schema_text(SCHEMA, f"{made['schema'].uri}/schema.pbtxt")
    inputs = {name: [made[name]] for name in ("statistics", "schema", "anomalies")}
    outputs = {name: [made[name]] for name in ("gate", "compared_with")}
    parameters = {"baseline_dir": str(baseline_dir), "accept_drift": accept_drift, "max_shrinkage": max_shrinkage}
    DataGate.EXECUTOR_SPEC.executor_class().Do(inputs, outputs, parameters)
    written = Path(statistics_path(made["compared_with"].uri, "reviews")).read_bytes()
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(written)


def test_the_gate_hands_on_what_it_compared_with_and_keeps_the_new_for_the_next_run(good, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    newer = statistics(User=[f"other {i % 25}" for i in range(200)])
    assert not let_through(good, tmp_path / "1", baseline).datasets
    assert let_through(newer, tmp_path / "2", baseline) == good
    assert read_baseline(str(baseline), "reviews") == newer
    drifted = statistics(RatingOf5=[1.0] * 200)
    with pytest.raises(GateError, match="--accept-drift"):
        let_through(drifted, tmp_path / "3", baseline)
    assert read_baseline(str(baseline), "reviews") == newer
    assert let_through(drifted, tmp_path / "4", baseline, accept_drift=True) == newer
    Path(baseline_path(str(baseline), "reviews")).write_bytes(b"no protobuf at all")
    assert not let_through(good, tmp_path / "5", baseline, accept_drift=True).datasets


def test_drift_is_measured_where_it_is_below_its_threshold_too(good) -> None:
    newer = statistics(Genres=[["Fiction", "Crime"][i % 25 == 0] for i in range(200)])
    measures = {name: rest for name, *rest in drift_measures(newer, SCHEMA, good)}
    assert measures["Genres"] == ["L_INFTY", pytest.approx(0.5 - 8 / 200), pytest.approx(0.1)]
    assert measures["RatingOf5"] == ["JENSEN_SHANNON_DIVERGENCE", pytest.approx(0.0), pytest.approx(0.1)]


@pytest.mark.parametrize(
    ("fewer", "row"),
    [
        (
            {"rows": 400, "readers": 50, "books": 100},
            r"\(all\) +fewer reviews .*had 500 reviews, these have 400: 20\.0%",
        ),
        ({"rows": 500, "readers": 40, "books": 100}, r"User +fewer readers .*had 50 readers, these have 40: 20\.0%"),
        ({"rows": 500, "readers": 50, "books": 80}, r"ISBN +fewer books .*had 100 books, these have 80: 20\.0%"),
    ],
    ids=["reviews", "readers", "books"],
)
def test_a_fifth_fewer_of_anything_is_refused_until_it_is_accepted(fewer: dict, row: str, tmp_path: Path) -> None:
    usual, less = statistics(rows=500, readers=50, books=100), statistics(**fewer)
    baseline = tmp_path / "baseline"
    let_through(usual, tmp_path / "1", baseline)
    with pytest.raises(GateError, match=row) as refused:
        let_through(less, tmp_path / "2", baseline)
    assert "fewer, above --max-shrinkage 0.1." in str(refused.value)
    assert "--accept-drift" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 5, "a heading, one row and two remedies"
    assert read_baseline(str(baseline), "reviews") == usual
    let_through(less, tmp_path / "3", baseline, max_shrinkage=0.25)
    write_baseline(str(baseline), "reviews", usual)
    let_through(less, tmp_path / "4", baseline, accept_drift=True)
    assert read_baseline(str(baseline), "reviews") == less


def test_ten_weekly_exports_with_two_percent_more_each_pass(tmp_path: Path) -> None:
    for week in range(11):
        more = 1.02**week
        export = statistics(rows=round(500 * more), readers=round(50 * more), books=round(100 * more))
        let_through(export, tmp_path / str(week), tmp_path / "baseline")


def test_what_the_last_statistics_have_no_count_of_is_told_and_not_compared(
    good, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = statistics_pb2.DatasetFeatureStatisticsList.FromString(good.SerializeToString())
    for feature in old.datasets[0].features:
        if feature.HasField("string_stats"):
            feature.string_stats.ClearField("unique")
    write_baseline(str(tmp_path / "baseline"), "reviews", old)
    caplog.set_level("INFO")
    let_through(statistics(readers=2, books=3), tmp_path / "1", tmp_path / "baseline")
    assert "have no count of readers and books to compare with" in caplog.text
