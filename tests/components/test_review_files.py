import os
from pathlib import Path

import pytest

from components.review_files import check_reviews_path, local_review_files
from transform.errors import DataError

CONTENT = "User,ISBN,RatingOf5,Genres\nann,Dune,5,\n"


def test_a_folder_is_its_csv_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.CSV.GZ", "c.csv.gz", "notes.txt", ".hidden.csv", "d.csv.bak"):
        (tmp_path / name).write_text(CONTENT)
    (tmp_path / "folder.csv").mkdir()
    assert [file.name for file in local_review_files(tmp_path)] == ["a.CSV.GZ", "b.csv", "c.csv.gz"]


@pytest.mark.parametrize("name", ["reviews [1]*.csv", "Rezensionen für Ünï.csv", "a b.csv", "no-suffix"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONTENT)
    check_reviews_path(str(tmp_path / name))


def test_remote_locations_are_not_asked() -> None:
    check_reviews_path("gs://bucket/that/does/not/exist")


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        check_reviews_path(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match=r"has no \.csv or \.csv\.gz file"):
        check_reviews_path(str(tmp_path))


def test_every_file_of_a_folder_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CONTENT)
    (tmp_path / "b.csv").write_text("User,ISBN,Genres\n")
    with pytest.raises(DataError, match=r"b\.csv:1: has no column 'RatingOf5'"):
        check_reviews_path(str(tmp_path))


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """Asked as another user where the tests run as one who may read everything."""
    file = tmp_path / "reviews.csv"
    file.write_text(CONTENT)
    file.chmod(0)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match=r"reviews\.csv: cannot be read \(Permission denied\)"):
            check_reviews_path(str(file))
    finally:
        if as_root:
            os.seteuid(0)
