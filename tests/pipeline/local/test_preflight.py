import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import ConfigurationError, DataError, PseudonymKeyError
from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE, read_key
from pipeline.configuration.config import PipelineConfig
from pipeline.local import preflight
from tests.s3_server import Bucket


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY_VARIABLE, KEY_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def good(tmp_path: Path) -> dict[str, object]:
    data = tmp_path / "reviews.csv"
    data.write_text("User,ISBN,RatingOf5,Genres\nann,Dune,5,\n")
    return {"data": str(data), "work_dir": tmp_path / "work", "push_dir": str(tmp_path / "push")}


def test_what_can_work_passes_and_makes_both_folders(good: dict, tmp_path: Path) -> None:
    preflight.check(PipelineConfig(**good))
    assert list((tmp_path / "work").iterdir()) == list((tmp_path / "push").iterdir()) == []


def test_one_fault_is_told_as_itself(good: dict) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        preflight.check(PipelineConfig(**{**good, "data": "none.csv"}))


def test_all_faults_are_told_at_once(good: dict, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    faulty = {"data": "none.csv", "work_dir": file, "push_dir": str(file), "schema_file": tmp_path / "none.pbtxt"}
    with pytest.raises(ConfigurationError) as caught:
        preflight.check(PipelineConfig(**{**good, **faulty}, pseudonym_key_file=tmp_path / "none.key"))
    message = str(caught.value)
    for told in ("5 faults", "--data none.csv", "--work-dir", "--push-dir", "--schema-file", "none.key"):
        assert told in message


def test_a_schema_that_is_no_protobuf_is_told(good: dict, tmp_path: Path) -> None:
    for content in (b"{}", b"feature { name: ", b"\xff\xfe", b"no_such_field: 1"):
        (tmp_path / "schema.pbtxt").write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"--schema-file .*schema\.pbtxt: is no schema"):
            preflight.check(PipelineConfig(**{**good, "schema_file": tmp_path / "schema.pbtxt"}))


@pytest.mark.parametrize("damage", ["text", "cut", "overwritten"])
def test_a_damaged_metadata_store_is_told_and_a_whole_one_passes(damage: str, good: dict) -> None:
    file = Path(str(good["work_dir"])) / preflight.METADATA_FILE
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as database:
        database.execute("create table t (x text)")
        database.executemany("insert into t values (?)", [("y" * 500,)] * 100)
        database.commit()
    preflight.check(PipelineConfig(**good))
    whole = file.read_bytes()
    damaged = {"text": b"no database " * 99, "cut": whole[:9000], "overwritten": whole[:8192] + b"x" * 9000}
    file.write_bytes(damaged[damage])
    with pytest.raises(ConfigurationError, match=r"metadata\.sqlite: is no whole SQLite database"):
        preflight.check(PipelineConfig(**good))
    assert file.read_bytes() == damaged[damage]


def test_the_push_folder_is_not_the_work_folder(good: dict) -> None:
    with pytest.raises(ConfigurationError, match="--push-dir"):
        preflight.check(PipelineConfig(**{**good, "push_dir": str(good["work_dir"])}))


@pytest.mark.integration
def test_remote_reviews_and_a_remote_push_folder_are_asked_for(good: dict, bucket: Bucket) -> None:
    bucket.put("reviews.csv", Path(str(good["data"])).read_bytes())
    remote = {"data": f"s3://{bucket.name}/reviews.csv", "push_dir": f"minio://{bucket.name}/push"}
    preflight.check(PipelineConfig(**{**good, **remote}))
    assert bucket.names() == ["reviews.csv"]


@pytest.mark.integration
def test_a_remote_push_folder_that_cannot_be_is_told_with_the_other_faults(good: dict, bucket: Bucket) -> None:
    bucket.put("reviews.csv", "User,ISBN\n")
    faulty = {"data": f"s3://{bucket.name}/reviews.csv", "push_dir": "s3://no-such-bucket/push"}
    with pytest.raises(ConfigurationError) as caught:
        preflight.check(PipelineConfig(**{**good, **faulty}))
    for told in ("2 faults", "has no column", "--push-dir s3://no-such-bucket/push: ", "has no bucket"):
        assert told in str(caught.value)
    with pytest.raises(ConfigurationError, match="nowhere:// is not known"):
        preflight.check(PipelineConfig(**{**good, "push_dir": "nowhere://bucket/push"}))


def test_without_a_key_the_work_folder_gets_one_once(good: dict) -> None:
    config = PipelineConfig(**good)
    preflight.check(config)
    assert preflight.provide_key(config)
    file = preflight.key_file(config)
    assert file is not None
    assert file.stat().st_mode & 0o777 == 0o600
    first = read_key(file)
    assert not preflight.provide_key(config)
    assert read_key(file) == first
    preflight.check(config)


def test_the_users_own_key_is_never_made_or_replaced(
    good: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = PipelineConfig(**good, pseudonym_key_file=tmp_path / "own.key")
    assert not preflight.provide_key(own)
    assert preflight.key_file(own) == tmp_path / "own.key"
    assert not preflight.is_own_key(own)
    monkeypatch.setenv(KEY_VARIABLE, "short")
    config = PipelineConfig(**good)
    assert preflight.key_file(config) is None
    with pytest.raises(PseudonymKeyError, match=KEY_VARIABLE):
        preflight.check(config)
