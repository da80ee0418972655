import os
from pathlib import Path

import pytest

from transform.errors import ConfigurationError
from transform.output_files import make_ready, telling


def test_the_folders_above_are_made_and_no_file(tmp_path: Path) -> None:
    make_ready("--out", tmp_path / "a" / "b" / "c.json")
    assert (tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("before")
    make_ready("--out", tmp_path / "c.json")
    assert (tmp_path / "c.json").read_text() == "before"


def test_a_device_can_be_written() -> None:
    make_ready("--out", Path("/dev/null"))


@pytest.mark.parametrize(
    ("name", "reason"), [("folder", "Is a directory"), ("file/x.json", "Not a directory|File exists")]
)
def test_what_cannot_be_written_is_told_with_option_path_and_reason(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=rf"^--out .*{name}: cannot be written \(({reason})\)\. Name a file"):
        make_ready("--out", tmp_path / name)


def test_a_folder_of_somebody_else_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' user may be one who may write everywhere."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        make_ready("--out", tmp_path / "x.json")


def test_a_disk_that_fills_up_is_told() -> None:
    full = Path("/dev/full")
    told = r"--out /dev/full: cannot be written \(No space left on device\)"
    with pytest.raises(ConfigurationError, match=told), telling("--out", full):
        full.write_text("x")


def test_other_errors_go_their_way() -> None:
    with pytest.raises(ValueError, match="of the work"), telling("--out", Path("x")):
        raise ValueError("of the work")
