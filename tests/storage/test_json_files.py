from pathlib import Path

import pytest

from core.errors import ReleaseError
from storage.json_files import read_json, write_json


def test_what_was_written_is_read_in_a_folder_that_was_missing(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "facts.json"
    write_json({"title": "Zażółć", "n": [1, None]}, str(file))
    assert read_json(str(file)) == {"title": "Zażółć", "n": [1, None]}
    assert "Zażółć" in file.read_text("utf-8")


@pytest.mark.parametrize(("content", "told"), [(b"{", "cannot be read"), (b"\xff", "cannot be read"), (b"[1]", "[1]")])
def test_a_damaged_file_is_told_by_name(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_bytes(content)
    with pytest.raises(ReleaseError) as caught:
        read_json(str(file))
    assert told in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_json(str(tmp_path / "none.json")) is None
