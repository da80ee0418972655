"""What came in, read back from artifacts as the components write them, of reviews whose figures are known."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv

from components.artifacts import parquet_examples
from components.ingestion.data_gate import statistics_path
from components.ingestion.ratings_example_gen import REPORT_FILE
from data.example_schema import EXAMPLE_SCHEMA, as_list_column
from data.reviews.notes import Notes, as_json
from pipeline.configuration.config import SCHEMA_FILE
from report.reviews import read_came_in
from transform import features

RATINGS = [1.0, 3.0, 3.0, 3.5, 5.0, None, 0.0, 4.5]
NOTES = [
    Notes(ruined_books=1, ruined_users=1, ruined_places=["b.csv:2 (1.0E+9)", "b.csv:3"], ratings=3, zero_ratings=3),
    Notes(ruined_books=2, ruined_places=["a.csv:7 (9,78292E+12)", "a.csv:8 (1E+12)"], ratings=7),
]
REPORTS = [
    {"number": 1, "rows": 3, "sha256": "b" * 64, "reasons": {"no user": 1}, "notes": as_json(NOTES[0])},
    {"number": 0, "rows": 9, "sha256": "a" * 64, "reasons": {"no book": 2, "no user": 1}, "notes": as_json(NOTES[1])},
]


def statistics_of(genres: list[str | None], ratings: list[float | None]):
    rows = len(ratings)
    books = (["x"] * 6 + ["y"] * 2)[:rows]
    frame = pd.DataFrame({"User": [f"u{i}" for i in range(rows)], "ISBN": books, "RatingOf5": ratings})
    schema = tfdv.load_schema_text(str(SCHEMA_FILE))
    return tfdv.generate_statistics_from_dataframe(
        frame.assign(Genres=genres), stats_options=tfdv.StatsOptions(schema=schema), n_jobs=1
    )


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    reviews = folder / "reviews"
    nothing = pa.nulls(8, pa.large_list(pa.large_binary()))
    names = as_list_column(pa.array([b"x"] * 8), pa.large_binary())
    ratings = as_list_column(pa.array(RATINGS, pa.float32()), pa.float32())
    table = pa.table([nothing, names, ratings, names], schema=EXAMPLE_SCHEMA)
    with parquet_examples.part_writer(parquet_examples.part_path(str(reviews), features.REVIEWS_SPLIT, 0, 1)) as writer:
        writer.write_table(table, row_group_size=3)
    (reviews / REPORT_FILE).write_text(json.dumps(REPORTS))
    schema = tfdv.load_schema_text(str(SCHEMA_FILE))
    (folder / "contract").mkdir()
    tfdv.write_schema_text(schema, str(folder / "contract" / "schema.pbtxt"))
    for name, found in {
        "now": statistics_of(["Crime"] * 6 + [None] * 2, RATINGS),
        "before": statistics_of(["Crime"] * 4 + ["Essay"] * 4, RATINGS),
        "fewer": statistics_of(["Crime"] * 6, RATINGS[:6]),
        "broken": statistics_of(["Crime"] * 8, [7.0, *RATINGS[1:]]),
    }.items():
        path = Path(statistics_path(str(folder / name), features.REVIEWS_SPLIT))
        path.parent.mkdir(parents=True)
        path.write_bytes(found.SerializeToString())
        anomalies = tfdv.validate_statistics(found, schema)
        (path.parent / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    return folder


def test_rows_and_rejects_are_the_sum_over_the_files(artifacts: Path) -> None:
    found = read_came_in(str(artifacts / "reviews"), "/data")
    assert (found.location, found.files, found.rows, found.kept_rows, found.rejected_rows) == ("/data", 2, 12, 8, 4)
    assert [(reject.name, reject.count) for reject in found.rejects] == [("no book", 2), ("no user", 2)]
    assert found.content_sha256 == hashlib.sha256(b"a" * 64 + b"b" * 64).hexdigest()
    assert (found.features, found.anomalies, found.compared_with_last) == ((), (), False)


def test_what_is_probably_not_meant_is_the_sum_over_the_files_with_books_as_examples(artifacts: Path) -> None:
    ruined, zeros = read_came_in(str(artifacts / "reviews"), "").notes
    assert ruined.startswith("3 books and 1 readers have a number that a spreadsheet has rounded")
    assert "become one: a.csv:7 (9,78292E+12), a.csv:8 (1E+12), b.csv:2 (1.0E+9), …. Export" in ruined
    assert zeros.startswith("3 of 10 ratings (30%) are 0")
    assert read_came_in(str(artifacts / "reviews"), "", zero_rating="unrated").notes == (ruined,)


def test_ratings_are_counted_as_they_are(artifacts: Path) -> None:
    found = read_came_in(str(artifacts / "reviews"), "/data")
    counted = {bar.low: bar.count for bar in found.ratings if bar.count}
    assert counted == {0.0: 1, 1.0: 1, 3.0: 2, 3.5: 1, 4.5: 1, 5.0: 1}
    assert [bar.high - bar.low for bar in found.ratings] == [0.5] * 11


def test_columns_are_as_in_the_statistics_and_no_reader_is_listed(artifacts: Path) -> None:
    found = read_came_in(str(artifacts / "reviews"), "/data", statistics=str(artifacts / "now"))
    columns = {feature.name: feature for feature in found.features}
    assert set(columns) == set(features.RAW_FEATURES)
    genres, books, ratings, users = (columns[name] for name in features.RAW_FEATURES)
    assert (genres.present, genres.missing, genres.distinct) == (6, 2, 1)
    assert [(top.name, top.count) for top in books.top] == [("x", 6), ("y", 2)]
    assert (ratings.present, ratings.missing, ratings.mean) == (7, 1, pytest.approx(20 / 7))
    assert (users.distinct, users.top) == (8, ())


def test_anomalies_are_those_of_the_contract(artifacts: Path) -> None:
    reviews = str(artifacts / "reviews")
    assert read_came_in(reviews, "", anomalies=str(artifacts / "now")).anomalies == ()
    [anomaly] = read_came_in(reviews, "", anomalies=str(artifacts / "broken")).anomalies
    assert anomaly.feature == "RatingOf5"
    assert "7" in anomaly.detail


def test_drift_is_told_of_values_and_of_presence(artifacts: Path) -> None:
    found = read_came_in(
        str(artifacts / "reviews"),
        "",
        statistics=str(artifacts / "now"),
        contract=str(artifacts / "contract"),
        baseline=statistics_path(str(artifacts / "before"), features.REVIEWS_SPLIT),
    )
    assert found.compared_with_last
    measured = {(drift.feature, drift.measure.split()[0]): drift for drift in found.drift}
    assert measured["Genres", "largest"].value == pytest.approx(0.5)
    assert measured["Genres", "largest"].exceeded
    assert measured["Genres", "change"].value == pytest.approx(2 / 8)
    assert measured["RatingOf5", "Jensen-Shannon"].value == pytest.approx(0)
    assert not measured["RatingOf5", "change"].exceeded


def test_what_is_gone_since_the_last_run_is_told(artifacts: Path) -> None:
    found = read_came_in(
        str(artifacts / "reviews"),
        "",
        statistics=str(artifacts / "fewer"),
        contract=str(artifacts / "contract"),
        baseline=statistics_path(str(artifacts / "now"), features.REVIEWS_SPLIT),
        max_shrinkage=0.3,
    )
    gone = {
        drift.measure: (drift.feature, drift.value, drift.exceeded) for drift in found.drift if "gone" in drift.measure
    }
    assert gone == {
        "share of the reviews gone": ("(all)", 0.25, False),
        "share of the readers gone": ("User", 0.25, False),
        "share of the books gone": ("ISBN", 0.5, True),
    }


def test_where_the_gate_had_nothing_to_compare_with_there_is_no_drift(artifacts: Path, tmp_path: Path) -> None:
    empty = tmp_path / "FeatureStats.pb"
    empty.write_bytes(b"")
    found = read_came_in(
        str(artifacts / "reviews"),
        "",
        statistics=str(artifacts / "now"),
        contract=str(artifacts / "contract"),
        baseline=str(empty),
    )
    assert (found.compared_with_last, found.drift) == (False, ())
