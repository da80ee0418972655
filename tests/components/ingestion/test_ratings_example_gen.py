"""The executor as the pipeline runs it, on folders of CSV files."""

import csv
import gzip
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tfx import v1 as tfx
from tfx.dsl.components.base import base_beam_executor
from tfx.orchestration import metadata

from components.artifacts import parquet_examples
from components.ingestion.ratings_example_gen import (
    RatingsExampleGen,
    RatingsExampleGenExecutor,
    row_groups,
    write_behind,
)
from components.ingestion.reviews_fingerprint import ReviewsFingerprint, reviews_fingerprint
from core.errors import DataError, GateError
from core.progress import Advance, watched
from core.pseudonyms import KEY_VARIABLE, pseudonymise
from data.reviews import csv_records
from data.reviews.sources import review_files
from tests.beam_options import IN_MEMORY
from tests.odd_names import ODD_FOLDER
from tests.s3_server import Bucket

KEY = "0123456789abcdef"
HEADER = "User,ISBN,RatingOf5,Genres\n"


def generate(data: Path | str, folder: Path, max_reject_share: float = 0.5, fingerprint: str = "", **how: Any) -> Any:
    """Runs the executor, by default on the reviews' own fingerprint, and returns the artifact."""
    key_file = folder / "key"
    folder.mkdir(exist_ok=True)
    key_file.write_text(KEY)
    component = RatingsExampleGen(
        data=str(data),
        fingerprint=fingerprint or reviews_fingerprint(str(data), KEY.encode()),
        key_file=str(key_file),
        max_reject_share=max_reject_share,
        **how,
    )
    examples = tfx.types.standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    (folder / "examples").mkdir()
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=IN_MEMORY,
        tmp_dir=str(folder),
        unique_id="1",
    )
    RatingsExampleGenExecutor(context).Do({}, {"examples": [examples]}, dict(component.exec_properties))
    return examples


def rows(examples: Any) -> list[tuple[bytes, bytes]]:
    tables = [
        table
        for path in parquet_examples.part_paths(examples.uri, "reviews")
        for table in parquet_examples.read_row_groups(path)
    ]
    return [(row["User"][0], row["ISBN"][0]) for row in pa.concat_tables(tables).to_pylist()]


def write_reviews(data: Path) -> Path:
    """Writes three files with four rows, of which one is unusable."""
    data.mkdir()
    (data / "b.csv").write_text(HEADER + "bob,Dune,4,\n,Dune,4,\n")
    (data / "a.csv").write_text(HEADER + "ann,Emma,5,['Classics']\nann,It,,\n")
    (data / "c.csv").write_text(HEADER)
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_reviews(tmp_path / "reviews [1]*")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Reviews as those of `folder`, and the artifact of a run that allows just as many unusable rows as there are."""
    work = tmp_path_factory.mktemp("made")
    data = write_reviews(work / "reviews [1]*")
    return data, generate(data, work / ODD_FOLDER, max_reject_share=0.25)


def test_who_watches_sees_all_bytes_of_all_files_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are stored: a packed file's are fewer than those of its text."""
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 200_000)
    data = tmp_path / "reviews"
    data.mkdir()
    content = HEADER + "".join(f"reader-{number},Book {number * number},5,\n" for number in range(30_000))
    (data / "a.csv").write_text(content)
    (data / "b.csv.gz").write_bytes(gzip.compress(content.encode(), 1))
    heard: list[Advance] = []
    fingerprint = reviews_fingerprint(str(data), KEY.encode())
    with watched(heard.append):
        generate(data, tmp_path / "out", fingerprint=fingerprint)
    stored = sum(file.stat().st_size for file in data.iterdir())
    reading = heard[: next(number for number, told in enumerate(heard) if told.begins)]
    assert {(told.activity, told.unit, told.total) for told in reading} == {("reading", "bytes", stored)}
    assert sum(told.by for told in reading) == stored
    assert len(reading) >= 4, "they come by and by"


@pytest.mark.integration
def test_remote_reviews_give_what_local_ones_give(folder: Path, tmp_path: Path, bucket: Bucket) -> None:
    (folder / "d.csv.gz").write_bytes(gzip.compress((HEADER + "dan,Dune,1,\nann,Dune,2,\n").encode()))
    for file in folder.iterdir():
        bucket.put(f"reviews/{file.name}", file.read_bytes())
    local = generate(folder, tmp_path / "local")
    remote = generate(f"s3://{bucket.name}/reviews", tmp_path / "remote")
    assert rows(remote) == rows(local)
    assert remote.get_string_custom_property("content_sha256") == local.get_string_custom_property("content_sha256")
    rejects = [(Path(examples.uri) / "rejects.csv").read_text() for examples in (local, remote)]
    assert rejects[1].replace(f"s3://{bucket.name}/reviews", str(folder)) == rejects[0]
    one = generate(f"minio://{bucket.name}/reviews/d.csv.gz", tmp_path / "one")
    assert rows(one) == rows(local)[-2:]


@pytest.mark.integration
def test_a_remote_file_that_cannot_be_read_is_told_by_its_name(tmp_path: Path, bucket: Bucket) -> None:
    bucket.put("reviews/a.csv", HEADER + "ann,Dune,5,\n")
    bucket.put("reviews/b.csv.gz", gzip.compress(HEADER.encode())[:-8])
    with pytest.raises(DataError, match=r"s3://.*/reviews/b\.csv\.gz: the gzip file ends in the middle"):
        generate(f"s3://{bucket.name}/reviews", tmp_path / "out")


def test_files_follow_one_another_by_name_and_users_are_hidden(made: tuple[Path, Any]) -> None:
    assert rows(made[1]) == [
        (pseudonymise(user, KEY.encode()).encode(), isbn)
        for user, isbn in [("ann", b"Emma"), ("ann", b"It"), ("bob", b"Dune")]
    ]


def test_the_artifact_says_how_to_read_it_and_what_was_counted(made: tuple[Path, Any]) -> None:
    _, examples = made
    assert examples.split_names == '["reviews"]'
    assert examples.get_string_custom_property("payload_format") == "FORMAT_PARQUET"
    assert examples.get_string_custom_property("file_format") == "FILE_FORMAT_PARQUET"
    counts = {
        "files": 3,
        "rows": 4,
        "kept_rows": 3,
        "rejected_rows": 1,
        "rejected: no user": 1,
        "rejected: no book": 0,
        "rejected: not a list of strings": 0,
        "rejected: wrong number of fields": 0,
        "rejected: text after a closing quote": 0,
    }
    assert {name: examples.get_int_custom_property(name) for name in counts} == counts
    assert len(examples.get_string_custom_property("content_sha256")) == 64


def test_the_fingerprint_changes_with_the_content(made: tuple[Path, Any], folder: Path, tmp_path: Path) -> None:
    same = generate(folder, tmp_path / "y")
    prints = [examples.get_string_custom_property("content_sha256") for examples in (made[1], same)]
    (folder / "a.csv").write_text(HEADER + "ann,Emma,4,['Classics']\nann,It,,\n")
    prints.append(generate(folder, tmp_path / "z").get_string_custom_property("content_sha256"))
    assert prints[0] == prints[1] != prints[2]


def test_rejects_are_listed_beside_the_examples(made: tuple[Path, Any]) -> None:
    folder, examples = made
    assert {path.name for path in Path(examples.uri).iterdir()} == {"Split-reviews", "rejects.csv", "report.json"}
    with (Path(examples.uri) / "rejects.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "line", "column", "reason"],
            [str(folder / "b.csv"), "3", "User", "no user"],
        ]


def test_too_many_rejects_stop_the_run_and_are_listed_all_the_same(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        generate(folder, tmp_path / "out", max_reject_share=0.2)
    message = str(caught.value)
    assert "1 of 4 rows" in message
    assert f"{folder / 'b.csv'}:3: User: no user" in message
    assert "--max-reject-share" in message
    assert "no user" in (tmp_path / "out" / "examples" / "rejects.csv").read_text()


def test_a_share_that_is_just_allowed_passes(made: tuple[Path, Any]) -> None:
    counted = [made[1].get_int_custom_property(name) for name in ("rejected_rows", "rows")]
    assert counted == [1, 4], "a quarter, which was allowed"


def test_all_rows_rejected_is_never_allowed(tmp_path: Path) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER + ",Dune,4,\n")
    with pytest.raises(GateError, match="1 of 1 rows"):
        generate(data, tmp_path / "out", max_reject_share=1.0)


def test_faults_of_all_files_are_told_at_once(folder: Path, tmp_path: Path) -> None:
    (folder / "a.csv").write_text(HEADER + "ann,Emma,five,\n")
    (folder / "b.csv").write_bytes(HEADER.encode() + b"bob,Caf\xe9,4,\n")
    with pytest.raises(DataError) as caught:
        generate(folder, tmp_path / "out")
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{folder / 'a.csv'}:2",
        f"{folder / 'b.csv'}:2",
    ]


def test_what_is_probably_not_meant_is_told_and_left_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER + 'ann,"9,78292E+12",0,\n1.0E+9,It,0,\nbob,It,5,\nAdd 1.0E+9,"a\nb",4,\n')
    with caplog.at_level("INFO"):
        examples = generate(data, tmp_path / "out")
    assert "1 books and 1 readers have a number that a spreadsheet has rounded" in caplog.text
    assert f"{data}:2 (9,78292E+12), {data}:3. Export" in caplog.text
    assert "2 of 4 ratings (50%) are 0" in caplog.text
    assert "1.0E+9" not in caplog.text
    assert len(rows(examples)) == 4
    caplog.clear()
    with caplog.at_level("INFO"):
        unrated = generate(data, tmp_path / "unrated", zero_rating="unrated", max_field_lines=1)
    assert "are 0" not in caplog.text
    assert len(rows(unrated)) == 3
    [path] = parquet_examples.part_paths(unrated.uri, "reviews")
    [table] = parquet_examples.read_row_groups(path)
    assert table["RatingOf5"].to_pylist() == [None, None, [5.0]]


def test_no_rows_at_all_is_told(tmp_path: Path) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER)
    with pytest.raises(DataError, match="no rows below the header"):
        generate(data, tmp_path / "out")


def test_the_key_is_in_no_property(tmp_path: Path) -> None:
    component = RatingsExampleGen(data="x.csv", fingerprint="f", key_file="/secret/key", max_reject_share=0.1)
    assert KEY not in repr(component.exec_properties)
    assert "/secret/key" in repr(component.exec_properties)


def test_the_path_may_be_a_runtime_parameter() -> None:
    parameter = tfx.dsl.experimental.RuntimeParameter(name="data", ptype=str)
    component = RatingsExampleGen(data=parameter, fingerprint="f", key_file=None, max_reject_share=0.1)
    assert component.exec_properties["data"] is parameter


def test_small_tables_become_row_groups_of_a_good_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_examples, "ROW_GROUP_ROWS", 10)
    tables = [pa.table({"x": pa.array(range(size), pa.int64())}) for size in (4, 0, 4, 4, 25, 0, 3)]
    assert [len(table) for table in row_groups(tables)] == [12, 25, 3]
    assert pa.concat_tables(row_groups(tables)).equals(pa.concat_tables(tables))
    assert list(row_groups([tables[1]])) == []


@pytest.mark.parametrize("later", [None, DataError("a fault further down")])
def test_a_table_that_cannot_be_written_is_told_before_a_fault_that_comes_after_it(
    later: DataError | None, tmp_path: Path
) -> None:
    def tables() -> Iterator[pa.Table]:
        yield pa.table({"no such": [1]})
        if later:
            raise later

    before = threading.active_count()
    with pytest.raises(ValueError, match="schema"), parquet_examples.part_writer(str(tmp_path / "a")) as writer:
        write_behind(writer, tables())
    assert threading.active_count() == before
    assert not list(tmp_path.iterdir())


def test_what_is_written_behind_is_written_in_order(tmp_path: Path) -> None:
    tables = [pa.table({"x": pa.array([number] * (1 + number % 3))}) for number in range(20)]
    with parquet_examples.part_writer(str(tmp_path / "a"), tables[0].schema) as writer:
        write_behind(writer, tables)
    groups = list(parquet_examples.read_row_groups(str(tmp_path / "a")))
    assert [group.to_pydict() for group in groups] == [table.to_pydict() for table in tables]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Runs ReviewsFingerprint and RatingsExampleGen, with stock StatisticsGen if asked. Returns all artifacts."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)

    def run_pipeline(
        data: Path, max_reject_share: float = 0.5, statistics: bool = False, cached_by: str = ""
    ) -> list[Any]:
        fingerprint = ReviewsFingerprint(data=str(data))
        examples = RatingsExampleGen(
            data=str(data),
            fingerprint=cached_by or fingerprint.outputs["fingerprint"].future()[0].value,
            key_file=None,
            max_reject_share=max_reject_share,
        )
        nodes = [fingerprint, examples, tfx.components.StatisticsGen(examples=examples.outputs["examples"])]
        connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "work" / "mlmd"))
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="ingest",
            pipeline_root=str(tmp_path / "work"),
            components=nodes[: 2 + statistics],
            metadata_connection_config=connection,
            enable_cache=bool(cached_by),
            beam_pipeline_args=IN_MEMORY,
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        with metadata.Metadata(connection) as store:
            return store.store.get_artifacts()

    return run_pipeline


@pytest.mark.integration
def test_stock_statistics_read_the_examples_and_no_name_or_key_is_anywhere(
    run: Callable[..., list[Any]], folder: Path, tmp_path: Path
) -> None:
    (folder / "a.csv").write_text(HEADER + "Annabel-Q,Emma,5,\"['Classics', 'Love']\"\nAnnabel-Q,It,,\nAnnabel-Q,Bad\n")
    run(folder, statistics=True)
    [stats] = (tmp_path / "work" / "StatisticsGen").rglob("FeatureStats.pb")
    [data_set] = tfdv.load_stats_binary(str(stats)).datasets
    assert data_set.num_examples == 3
    found = {feature.path.step[0]: feature for feature in data_set.features}
    assert found["User"].string_stats.unique == 2
    assert found["Genres"].string_stats.common_stats.num_missing == 2
    assert found["Genres"].string_stats.common_stats.max_num_values == 2
    assert found["RatingOf5"].num_stats.common_stats.num_missing == 1
    assert found["RatingOf5"].num_stats.mean == 4.5
    for file in (tmp_path / "work").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"Annabel-Q" not in content
            assert KEY.encode() not in content


@pytest.mark.integration
def test_what_is_read_is_known_to_a_cache_by_the_fingerprint(run: Callable[..., list[Any]], tmp_path: Path) -> None:
    """An earlier date and the same size do not hide a change."""
    data = tmp_path / "reviews [1]*.csv"
    for rows, artifacts in (("ann,Dune,5,\n", 1), ("ann,Dune,5,\n", 1), ("ann,Dune,4,\n", 2)):
        data.write_text(HEADER + rows)
        os.utime(data, ns=(0, 0))
        examples = run(data, cached_by=reviews_fingerprint(str(data), KEY.encode()))
        found = [item for item in examples if "rows" in item.custom_properties]
        assert len({item.custom_properties["content_sha256"].string_value for item in found}) == artifacts
        assert len(found) == artifacts


def test_reviews_that_are_not_those_of_the_fingerprint_are_not_kept_under_it(folder: Path, tmp_path: Path) -> None:
    before = reviews_fingerprint(str(folder), KEY.encode())
    (folder / "a.csv").write_text(HEADER + "ann,Emma,5,['Classics']\n")
    with pytest.raises(DataError, match=r"changed while the run was reading") as caught:
        generate(folder, tmp_path / "out", fingerprint=before)
    assert str(folder) in str(caught.value)


@pytest.mark.integration
def test_the_list_of_rejects_outlives_the_run_that_they_stopped(
    run: Callable[..., list[Any]], folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match="cannot be used") as caught:
        run(folder, max_reject_share=0.01)
    errors = []
    error: BaseException | None = caught.value
    while error is not None:
        errors.append(error)
        error = error.__cause__ or error.__context__
    [gate] = [error for error in errors if isinstance(error, GateError)]
    path = re.search(r"All are listed in (\S+)\.", str(gate))
    assert path
    assert f"{folder / 'b.csv'},3,User,no user" in Path(path[1]).read_text()


def test_the_same_input_is_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    parts = [parquet_examples.part_paths(generate(folder, tmp_path / name).uri, "reviews") for name in "xy"]
    assert len(parts[0]) == 3
    for first, second in zip(*parts, strict=True):
        assert Path(first).read_bytes() == Path(second).read_bytes()


def test_local_paths_are_files_or_folders(folder: Path) -> None:
    assert [Path(name).name for name in review_files(str(folder))] == ["a.csv", "b.csv", "c.csv"]
    assert review_files(str(folder / "a.csv")) == [str(folder / "a.csv")]
