"""No raw user name of the input is in any byte of the work folder or the push folder."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import pyarrow.parquet as pq
import pytest

from tests.e2e.marked_runs import MARK, MarkedRuns, Stage
from tests.e2e.runs import HEADER, REVIEWS, Run, Runner

pytestmark = pytest.mark.e2e


def contents(name: str, raw: bytes) -> Iterator[bytes]:
    """Yields the bytes of a file, as they are and unpacked."""
    yield raw
    suffix = PurePath(name).suffix
    if suffix == ".parquet":
        yield repr(pq.read_table(io.BytesIO(raw)).to_pylist()).encode()
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    for start in range(len(raw)) if suffix == ".pb" else ():
        if raw[start : start + 2] == b"\x78\x9c":
            try:
                yield zlib.decompress(raw[start:])
            except zlib.error:
                continue


def files_in(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def assert_no_byte_has(name: str, files: dict[str, bytes]) -> None:
    for path, raw in files.items():
        for content in contents(path, raw):
            assert name.encode() not in content, path


def check_what_is_told_and_pushed(stages: Iterable[Stage]) -> None:
    for stage in stages:
        assert MARK not in stage.run.output + stage.run.errors
        assert stage.pushed
        assert_no_byte_has(MARK, stage.pushed)


def test_no_user_name_is_left_in_any_byte(marked_runs: MarkedRuns) -> None:
    """Neither by runs that push nor by those that a gate stops."""
    stages = marked_runs.first, marked_runs.drifted, marked_runs.refused
    check_what_is_told_and_pushed(stages)
    assert [stage.run.exit_code for stage in stages] == [0, 3, 3]
    files = files_in(marked_runs.first.run.work_dir)
    paths = [PurePath(path) for path in files]
    assert any(path.suffix == ".parquet" for path in paths)
    assert any(path.name == "rejects.csv" for path in paths)
    assert any(path.suffix == ".log" for path in paths)
    assert any(path.name == "metadata.sqlite" for path in paths)
    assert_no_byte_has(MARK, files)


@pytest.mark.exhaustive
def test_no_user_name_is_left_by_a_push_over_another(marked_runs: MarkedRuns) -> None:
    assert marked_runs.again.run.exit_code == 0
    check_what_is_told_and_pushed([marked_runs.again])
    assert_no_byte_has(MARK, files_in(marked_runs.again.run.work_dir))


def test_no_reader_of_the_sample_is_in_a_local_push_folder(sample_run: Run, sample_reader: str) -> None:
    assert sample_reader not in sample_run.output
    files = files_in(sample_run.work_dir, sample_run.push_dir)
    assert any(path.endswith("saved_model.pb") for path in files)
    assert_no_byte_has(sample_reader, files)


def test_a_failed_run_leaves_no_user_name_either(run: Runner, tmp_path: Path) -> None:
    data = tmp_path / "in" / "reviews.csv"
    data.parent.mkdir()
    data.write_text(HEADER + REVIEWS.replace("reader-", f"{MARK}-") + f"9,{MARK}-x,Book 1,five,\n")
    done = run(data)
    assert done.exit_code == 2
    assert MARK not in done.output + done.errors
    files = files_in(run.work_dir)
    assert files
    assert_no_byte_has(MARK, files)
