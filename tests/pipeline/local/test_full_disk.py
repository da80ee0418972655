"""A full disk is told as one, whatever error a library makes of it."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from pipeline.local import full_disk as module
from pipeline.local.full_disk import full_disk


def _behind(cause: Exception) -> Exception:
    """Returns what a library raises while it handles `cause`."""
    try:
        try:
            raise cause
        except Exception:
            raise KeyError("a step") from None
    except KeyError as error:
        return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/work/a"), "(/work/a)"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "(Disk quota exceeded)"),
        (RuntimeError("/work/x.tfrecord; No space left on device"), "(No space left on device)"),
        (sqlite3.OperationalError("database or disk is full"), "(database or disk is full)"),
    ],
)
def test_a_full_disk_is_found_behind_any_error(error: Exception, told: str, tmp_path: Path) -> None:
    for shown in (error, _behind(error)):
        found = full_disk(shown, tmp_path)
        assert found is not None
        assert str(found) == (
            f"--work-dir {tmp_path}: no space is left on a disk that the run writes to {told}. "
            "Make room, and run again."
        )


def test_another_error_is_none_of_a_full_disk(tmp_path: Path) -> None:
    assert full_disk(OSError(errno.EACCES, os.strerror(errno.EACCES), "/work/a"), tmp_path) is None
    assert full_disk(ValueError("a step failed"), tmp_path) is None


def test_a_disk_without_room_is_told_whatever_the_error_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NO_ROOM_BYTES", 2**63)
    found = full_disk(ValueError("a step failed"), tmp_path)
    assert found is not None
    assert "bytes left). Make room, and run again." in str(found)
    assert full_disk(KeyboardInterrupt(), tmp_path) is None


def test_a_work_folder_that_somebody_has_removed_is_no_full_disk(tmp_path: Path) -> None:
    assert full_disk(ValueError("a step failed"), tmp_path / "removed") is None
