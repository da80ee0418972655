"""No raw user name of the input is in any byte of the work folder or the push folder."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.runs import HEADER, REVIEWS, TASTES, Runner

pytestmark = pytest.mark.e2e

MARK = "Unmistakable-Name"


def contents(path: Path) -> Iterator[bytes]:
    """Yields the bytes of a file, as they are and unpacked."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".parquet":
        yield repr(pq.read_table(path).to_pylist()).encode()
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    for start in range(len(raw)) if path.suffix == ".pb" else ():
        if raw[start : start + 2] == b"\x78\x9c":
            try:
                yield zlib.decompress(raw[start:])
            except zlib.error:
                continue


def test_no_user_name_is_left_in_any_byte(run: Runner, tmp_path: Path) -> None:
    data = tmp_path / "in" / "reviews.csv"
    data.parent.mkdir()
    rejected = f"9,{MARK}-rejected,Book 1,5,not a list\n9,{MARK}-torn,Book 1,5,,,,\n"
    data.write_text(HEADER + TASTES.replace("reader-", f"{MARK}-") + rejected)
    done = run(data, "--training.max-epochs=1")
    assert done.exit_code == 0, done.output + done.errors
    assert MARK not in done.output
    files = [path for folder in (run.work_dir, run.push_dir) for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in files)
    assert any(path.name == "rejects.csv" for path in files)
    assert any(path.suffix == ".log" for path in files)
    assert any(path.name == "metadata.sqlite" for path in files)
    for path in files:
        for content in contents(path):
            assert MARK.encode() not in content, path


def test_a_failed_run_leaves_no_user_name_either(run: Runner, tmp_path: Path) -> None:
    data = tmp_path / "in" / "reviews.csv"
    data.parent.mkdir()
    data.write_text(HEADER + REVIEWS.replace("reader-", f"{MARK}-") + f"9,{MARK}-x,Book 1,five,\n")
    done = run(data)
    assert done.exit_code == 2
    assert MARK not in done.output + done.errors
    for path in (path for path in run.work_dir.rglob("*") if path.is_file()):
        for content in contents(path):
            assert MARK.encode() not in content, path
