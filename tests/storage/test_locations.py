"""Files on a file system and in an object store, by the same functions."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigurationError, StorageError
from core.project import ROOT
from storage import locations
from storage.objects import BLOCK
from tests.gcs_server import BUCKET, gcs_server
from tests.s3_server import Bucket


@pytest.fixture(
    params=["local", *(pytest.param(store, marks=pytest.mark.integration) for store in ("s3", "minio", "gs"))]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder, with nothing in it, whose name is not a plain one."""
    if request.param == "local":
        (tmp_path / "a b [1]* ü").mkdir()
        yield str(tmp_path / "a b [1]* ü")
    elif request.param == "gs":
        with gcs_server() as (endpoint, _), pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", endpoint)
            yield f"gs://{BUCKET}/a b [1]* ü"
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        yield f"{request.param}://{bucket.name}/a b [1]* ü"


def test_what_was_written_is_found_read_and_replaced(place: str) -> None:
    file = f"{place}/deep/er/file 1?#%.csv.gz"
    for content in (b"\x1f\x8bnot unpacked", b"", b"x" * 10):
        locations.write_bytes(content, file)
        assert locations.read_bytes(file) == content
    assert locations.exists(file)
    assert locations.status(file).size == 10
    assert abs(locations.status(file).modified - time.time()) < 60
    assert abs(locations.last_change(place) - time.time()) < 60
    assert locations.files(place) == ["deep/er/file 1?#%.csv.gz"]


def test_a_folder_lists_what_is_in_it_by_name_and_not_what_is_deeper(place: str) -> None:
    for name in ("b.csv", "a", "10/x", "9/x/y"):
        locations.write_bytes(b"1", f"{place}/{name}")
    for folder in (place, f"{place}/"):
        assert locations.entries(folder) == [("10", False), ("9", False), ("a", True), ("b.csv", True)]
        assert locations.files(folder) == ["10/x", "9/x/y", "a", "b.csv"]


def test_what_is_not_there_is_told_apart_from_what_is_empty(place: str) -> None:
    assert locations.entries(f"{place}/none") == []
    assert locations.files(f"{place}/none") == []
    assert locations.last_change(f"{place}/none") == 0
    assert not locations.exists(f"{place}/none")
    locations.write_bytes(b"1", f"{place}/folder/file")
    assert not locations.exists(f"{place}/folder")
    for ask in (locations.status, locations.open_file, locations.read_bytes, locations.remove_file):
        with pytest.raises(FileNotFoundError) as caught:
            ask(f"{place}/none")
        assert caught.value.filename == f"{place}/none"
    locations.remove_folder(f"{place}/none")


def test_the_mark_changes_with_the_content_and_only_then(place: str) -> None:
    file = f"{place}/file"
    locations.write_bytes(b"12", file)
    first = locations.status(file).mark
    assert locations.status(file).mark == first
    locations.write_bytes(b"34", file)
    assert locations.status(file).mark != first


def test_a_folder_is_removed_with_all_that_is_in_it_and_nothing_beside(place: str) -> None:
    for name in ("7/a", "7/b/c", "77/a", "8/a"):
        locations.write_bytes(b"1", f"{place}/{name}")
    locations.remove_folder(f"{place}/7")
    assert locations.files(place) == ["77/a", "8/a"]
    locations.remove_file(f"{place}/77/a")
    assert locations.files(place) == ["8/a"]


@pytest.mark.integration
@pytest.mark.parametrize(
    "target", ["local", *(pytest.param(scheme, marks=pytest.mark.exhaustive) for scheme in ("s3", "minio"))]
)
def test_a_file_larger_than_a_block_is_copied_anywhere(target: str, place: str, tmp_path: Path, bucket: Bucket) -> None:
    content = os.urandom(BLOCK + 17)
    locations.write_bytes(content, f"{place}/from")
    folder = str(tmp_path / "target") if target == "local" else f"{target}://{bucket.name}/target"
    locations.copy_file(f"{place}/from", f"{folder}/deep/to")
    assert locations.read_bytes(f"{folder}/deep/to") == content
    with pytest.raises(FileNotFoundError):
        locations.copy_file(f"{place}/none", f"{folder}/none")
    assert locations.files(folder) == ["deep/to"]


@pytest.mark.integration
def test_an_object_is_read_in_blocks_and_not_in_the_bytes_that_are_asked_for(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("file", b"line\n" * 100_000)
    reads: list[int] = []
    readinto = locations._home("s3://x").open_file(f"s3://{bucket.name}/file").raw.__class__.readinto  # type: ignore[attr-defined]

    def counted(reader: object, buffer: memoryview) -> int:
        reads.append(len(buffer))
        return int(readinto(reader, buffer))

    monkeypatch.setattr("storage.objects.ObjectReader.readinto", counted)
    with locations.open_file(f"s3://{bucket.name}/file") as file:
        assert sum(1 for _ in file) == 100_000
    assert reads == [BLOCK, BLOCK]


@pytest.mark.integration
def test_a_write_that_fails_half_way_leaves_no_object(bucket: Bucket) -> None:
    location = f"s3://{bucket.name}/file"

    def half() -> None:
        with locations._home(location).writer(location) as file:
            file.write(b"half")
            raise OSError("the disk it came from is gone")

    with pytest.raises(OSError, match="the disk it came from"):
        half()
    assert bucket.names() == []


@pytest.mark.integration
def test_a_folder_with_an_object_of_its_own_name_is_as_any_other(bucket: Bucket) -> None:
    """Consoles, and pyarrow, make such objects to show an empty folder."""
    bucket.put("push/", b"")
    bucket.put("push/7/", b"")
    assert locations.entries(f"s3://{bucket.name}/push") == [("7", False)]
    assert locations.files(f"s3://{bucket.name}/push") == []


@pytest.mark.parametrize("location", ["s3://", "gs://", "minio:///key", "ftp://host/file", "S3://bucket/key", "://x"])
def test_an_address_that_can_mean_nothing_is_told(location: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        locations.exists(location)
    assert str(caught.value).startswith(f"{location}: ")


@pytest.mark.integration
def test_an_address_with_an_empty_part_is_told(bucket: Bucket) -> None:
    with pytest.raises(StorageError, match="Empty path component"):
        locations.entries(f"s3://{bucket.name}//x")


@pytest.mark.integration
def test_local_files_are_reached_without_loading_pyarrow(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom storage import locations\n"
        f"locations.write_bytes(b'1', {str(tmp_path / 'file')!r})\nsys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.integration
def test_beam_can_send_what_opens_a_remote_file_to_a_worker(bucket: Bucket) -> None:
    from apache_beam.internal import pickler

    from data.reviews.sources import opener

    bucket.put("file", b"content")
    sent = pickler.loads(pickler.dumps(opener(f"s3://{bucket.name}/file")))
    assert sent().read() == b"content"
    assert pickle.loads(pickle.dumps(locations.status(f"s3://{bucket.name}/file"))).size == 7
