import json
from pathlib import Path

import pytest

from pipeline.durations import Durations


def test_the_next_run_knows_what_each_step_took(tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    first = Durations(path)
    assert first.seconds == {}
    first.note("a", 1.2345)
    first.note("b", 20)
    assert Durations(path).seconds == {"a": 1.2, "b": 20}
    Durations(path).note("a", 3)
    assert Durations(path).seconds == {"a": 3, "b": 20}
    assert [file.name for file in tmp_path.iterdir()] == ["durations.json"]


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": "x"}', b'{"a": null}', b"\xff", b"3"])
def test_a_file_that_makes_no_sense_is_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    path.write_bytes(content)
    known = Durations(path)
    assert known.seconds == {}
    known.note("a", 1)
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    known = Durations(tmp_path / "file" / "durations.json")
    known.note("a", 1)
    assert known.seconds == {"a": 1}
