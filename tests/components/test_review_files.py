import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from apache_beam.io.filesystem import FileMetadata, FileSystem, MatchResult

from components.review_files import check_reviews_path, local_review_files
from components.review_sources import fingerprint, opener, review_files
from transform.errors import DataError

ROOT = Path(__file__).parent.parent.parent
CONTENT = "User,ISBN,RatingOf5,Genres\nann,Dune,5,\n"


def test_a_folder_is_its_csv_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.CSV.GZ", "c.csv.gz", "notes.txt", ".hidden.csv", "d.csv.bak"):
        (tmp_path / name).write_text(CONTENT)
    (tmp_path / "folder.csv").mkdir()
    assert [file.name for file in local_review_files(tmp_path)] == ["a.CSV.GZ", "b.csv", "c.csv.gz"]


@pytest.mark.parametrize("name", ["reviews [1]*.csv", "Rezensionen für Ünï.csv", "a b.csv", "no-suffix"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONTENT)
    check_reviews_path(str(tmp_path / name))


def test_remote_locations_are_not_asked() -> None:
    check_reviews_path("gs://bucket/that/does/not/exist")


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        check_reviews_path(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match=r"has no \.csv or \.csv\.gz file"):
        check_reviews_path(str(tmp_path))


def test_every_file_of_a_folder_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CONTENT)
    (tmp_path / "b.csv").write_text("User,ISBN,Genres\n")
    with pytest.raises(DataError, match=r"b\.csv:1: has no column 'RatingOf5'"):
        check_reviews_path(str(tmp_path))


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """Asked as another user where the tests run as one who may read everything."""
    file = tmp_path / "reviews.csv"
    file.write_text(CONTENT)
    file.chmod(0)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match=r"reviews\.csv: cannot be read \(Permission denied\)"):
            check_reviews_path(str(file))
    finally:
        if as_root:
            os.seteuid(0)


def test_what_is_neither_file_nor_folder_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, told in [
        (tmp_path / "pipe", "device or a pipe"),
        ("x" * 5000, "name too long"),
        (tmp_path / "a.csv" / "b.csv", "no such file"),
        (tmp_path / os.fsdecode(b"caf\xe9.csv"), "not UTF-8"),
    ]:
        if told in ("no such file", "not UTF-8"):
            (tmp_path / "a.csv").write_text(CONTENT)
            (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text(CONTENT)
        with pytest.raises(DataError, match=told) as caught:
            check_reviews_path(str(path))
        str(caught.value).encode()


def test_the_check_reads_no_more_than_the_header(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT.encode() + b"ann,Dune,5,\n" * 1_000_000)
    (tmp_path / "reviews.csv.gz").write_bytes(packed[:-20])
    check_reviews_path(str(tmp_path))


class Shelf(FileSystem):
    """A remote file system, as Beam knows them: `shelf://` and the local path behind it."""

    @classmethod
    def scheme(cls) -> str:
        return "shelf"

    def _list(self, path: str) -> list[FileMetadata]:
        return [self.metadata(f"shelf://{file}") for file in sorted(Path(path[len("shelf://") :]).iterdir())]

    def has_dirs(self) -> bool:
        return True

    def match(self, patterns: list[str], limits: object = None) -> list[MatchResult]:
        return [MatchResult(pattern, self._list(pattern.removesuffix("*"))) for pattern in patterns]

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> BinaryIO:
        return Path(path[len("shelf://") :]).open("rb")

    def metadata(self, path: str) -> FileMetadata:
        status = Path(path[len("shelf://") :]).stat()
        return FileMetadata(path, status.st_size, status.st_mtime)

    def _unused(self, *arguments: object) -> None:
        raise NotImplementedError

    join = split = mkdirs = create = copy = rename = exists = size = last_updated = checksum = delete = _unused


def test_remote_files_are_found_opened_and_noticed_when_they_change(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", ".hidden.csv", "notes.txt"):
        (tmp_path / name).write_text(CONTENT)
    location = f"shelf://{tmp_path}"
    assert review_files(location + "/") == [f"{location}/a.csv.gz", f"{location}/b.csv"]
    with opener(f"{location}/b.csv")() as file:
        assert file.read() == CONTENT.encode()
    before = fingerprint(location), fingerprint(f"{location}/b.csv")
    (tmp_path / "b.csv").write_text(CONTENT * 2)
    assert {fingerprint(location), fingerprint(f"{location}/b.csv")}.isdisjoint(before)


@pytest.mark.parametrize("location", ["shelf:///nowhere", "shelf:///nowhere.csv", "no-such-scheme://x/y"])
def test_remote_places_that_cannot_be_read_are_told(location: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read .*Check"):
        [opener(name)() for name in review_files(location)]
    with pytest.raises(DataError, match=r"cannot be read .*Check"):
        fingerprint(location)


@pytest.mark.parametrize("name", ["reviews [1]*.csv", "Rezensionen für Ünï {SPAN}.csv"])
def test_a_local_files_fingerprint_changes_with_it_whatever_its_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(CONTENT)
    before = fingerprint(str(file)), fingerprint(str(tmp_path))
    assert before == (fingerprint(str(file)), fingerprint(str(tmp_path)))
    file.write_text(CONTENT * 2)
    assert {fingerprint(str(file)), fingerprint(str(tmp_path))}.isdisjoint(before)


def test_the_check_loads_neither_beam_nor_tfx() -> None:
    code = "import sys, components.review_files; print({'apache_beam', 'tfx', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "set()\n"
