import os
import threading
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from storage.json_files import write_json
from storage.output_files import is_stream, make_ready, replacing, telling


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


def test_a_file_is_replaced_when_all_is_written_and_stays_where_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), replacing(path) as beside:
        beside.write_text("half\udc80", encoding="utf-8")
    assert path.read_text() == "before"
    with replacing(path) as beside:
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link_and_its_file_is_written(there: bool, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "x", tmp_path / "link"
    if there:
        file.write_text("before")
    link.symlink_to(Path("real") / "x")
    with replacing(link) as beside:
        beside.write_text("after")
    assert link.is_symlink()
    assert file.read_text() == "after"
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["x"]


def test_a_pipe_is_written_through(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_json({"a": 1}, str(pipe))
    reader.join()
    assert read == [b'{\n  "a": 1\n}\n']
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_devices_and_open_files_are_streams(name: str, tmp_path: Path) -> None:
    assert is_stream(Path(name))
    with replacing(Path(name)) as beside:
        assert beside == Path(name)
    assert not is_stream(tmp_path / "x")


def test_a_link_to_a_device_does_not_replace_it(tmp_path: Path) -> None:
    link = tmp_path / "nowhere"
    link.symlink_to("/dev/null")
    with replacing(link) as beside:
        beside.write_text("x")
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()
