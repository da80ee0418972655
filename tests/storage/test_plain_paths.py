"""A path without a character of patterns, for as long as one is needed."""

from pathlib import Path

import pytest

from storage.plain_paths import SPECIAL_CHARACTERS, is_plain, plain_path
from tests.odd_names import ODD_FOLDER


def test_a_plain_folder_is_reached_by_its_own_path(tmp_path: Path) -> None:
    folder = tmp_path / "a # 'é\""
    assert is_plain(folder)
    with plain_path(folder) as path:
        assert path == folder


@pytest.mark.parametrize("name", [ODD_FOLDER, *(f"x{character}y" for character in sorted(SPECIAL_CHARACTERS))])
def test_an_odd_folder_is_reached_by_a_link_that_is_gone_afterwards(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "before").write_text("1")
    assert not is_plain(folder)
    with plain_path(folder) as path:
        assert is_plain(path)
        assert (path / "before").read_text() == "1"
        (path / "after").write_text("2")
    assert not path.parent.exists()
    assert sorted(file.name for file in folder.iterdir()) == ["after", "before"]


def test_the_link_is_gone_after_a_failure_too_and_the_folder_is_not(tmp_path: Path) -> None:
    folder = tmp_path / ODD_FOLDER
    folder.mkdir()
    with pytest.raises(ValueError, match="stop"), plain_path(folder) as path:
        raise ValueError("stop")
    assert not path.is_symlink()
    assert folder.is_dir()
