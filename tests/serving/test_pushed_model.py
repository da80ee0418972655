import shutil
from pathlib import Path

import pytest

from core.errors import ReleaseError
from registry.push_folder import newest_version
from serving.probe import ServedModel
from serving.pushed_model import PushedModel
from tests.odd_names import ODD_FOLDER


def test_the_newest_version_is_the_whole_one_with_the_highest_number(tmp_path: Path) -> None:
    for name in ("10", "9", "100", ".incoming-5", "latest"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").touch()
    (tmp_path / "101").mkdir()
    assert newest_version(tmp_path) == tmp_path / "100"


@pytest.mark.parametrize("name", ["", "missing"])
def test_an_empty_or_missing_push_folder_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no model has been pushed"):
        newest_version(tmp_path / name)


@pytest.mark.parametrize("content", [None, b"no graph at all"])
def test_a_damaged_model_is_told_with_the_way_out(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ReleaseError, match="damaged") as caught:
        PushedModel(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "version before" in str(caught.value)


@pytest.mark.integration
@pytest.mark.xdist_group("serving")
def test_a_model_in_a_folder_with_an_odd_name_is_loaded_as_any_other(push_dir: Path, tmp_path: Path) -> None:
    """TensorFlow looks for a model's variables by a pattern."""
    folder = tmp_path / ODD_FOLDER / "7"
    shutil.copytree(newest_version(push_dir), folder)
    odd, usual = PushedModel(newest_version(folder.parent)), PushedModel(newest_version(push_dir))
    assert (odd.folder, odd.version) == (folder, "7")
    users = usual.example_users(3)
    assert odd.recommend(users, 5) == usual.recommend(users, 5)
    assert ServedModel(folder).missing() == []
