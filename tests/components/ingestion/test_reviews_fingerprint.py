import os
from pathlib import Path

import pytest
from tfx import v1 as tfx

from components.ingestion.reviews_fingerprint import ReviewsFingerprint, check_unchanged, reviews_fingerprint
from core.errors import DataError
from core.pseudonyms import key_id

KEY = b"0123456789abcdef"
OTHER_KEY = b"fedcba9876543210"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "reviews [1]*"
    data.mkdir()
    (data / "a.csv").write_text("one")
    (data / "b.csv").write_text("two")
    return data


def test_it_is_the_same_for_the_same_bytes_whatever_their_date(folder: Path) -> None:
    before = reviews_fingerprint(str(folder), KEY)
    (folder / "a.csv").touch()
    (folder / "notes.txt").write_text("no reviews")
    assert reviews_fingerprint(str(folder), KEY) == before


def test_other_bytes_of_the_same_size_and_date_change_it(folder: Path) -> None:
    file, before = folder / "a.csv", reviews_fingerprint(str(folder), KEY)
    date = file.stat().st_mtime_ns
    file.write_text("eno")
    os.utime(file, ns=(date, date))
    assert reviews_fingerprint(str(folder), KEY) != before


def test_files_that_come_go_or_change_places_change_it(folder: Path) -> None:
    prints = {reviews_fingerprint(str(folder), KEY)}
    (folder / "a.csv").write_text("two")
    (folder / "b.csv").write_text("one")
    prints.add(reviews_fingerprint(str(folder), KEY))
    (folder / "c.csv").write_text("")
    prints.add(reviews_fingerprint(str(folder), KEY))
    (folder / "a.csv").unlink()
    prints.add(reviews_fingerprint(str(folder), KEY))
    assert len(prints) == 4


def test_another_key_makes_other_examples_and_another_fingerprint(folder: Path) -> None:
    prints = [reviews_fingerprint(str(folder), key) for key in (KEY, OTHER_KEY)]
    assert prints[0] != prints[1]
    for found, key in zip(prints, (KEY, OTHER_KEY), strict=True):
        assert found.endswith(f",key:{key_id(key)}")
        assert key.decode() not in found


def test_nothing_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        reviews_fingerprint(str(tmp_path / "none.csv"), KEY)


def test_a_change_while_reading_is_told(folder: Path) -> None:
    before = reviews_fingerprint(str(folder), KEY)
    check_unchanged(str(folder), KEY, before)
    (folder / "a.csv").write_text("more")
    with pytest.raises(DataError, match="changed while the run was reading"):
        check_unchanged(str(folder), KEY, before)


def test_what_speaks_against_the_key_is_told_before_anything_is_made_with_it(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("aaaaaaaaaaaaaaaaaaaa")
    key_file.chmod(0o644)
    value = tfx.types.standard_artifacts.String()
    value.uri = str(tmp_path / "value")
    parameters = {"data": str(folder), "key_file": str(key_file)}
    with caplog.at_level("INFO"):
        ReviewsFingerprint.EXECUTOR_SPEC.executor_class().Do({}, {"fingerprint": [value]}, parameters)
    assert caplog.text.count("warning: ") == 2
    assert "The pseudonym key has 1 different characters only" in caplog.text
    assert f"{key_file}: others than its owner can read the pseudonym key" in caplog.text
    assert "aaaa" not in caplog.text
