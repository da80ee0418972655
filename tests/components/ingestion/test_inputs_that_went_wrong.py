"""Reviews that once were misread, as they were found, where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import DataError
from core.project import ROOT
from data import import_json
from data.reviews.csv_reader import FileReport, RatingsCsv
from data.reviews.header import read_header
from data.reviews.local_files import local_opener

CASES = ROOT.parent / "shared" / "cases"
HEADER = ",User,ISBN,RatingOf5,Genres\n"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"the inputs that went wrong are not at {CASES}")


def read(path: Path) -> FileReport:
    source = RatingsCsv(local_opener(path), str(path), b"0123456789abcdef")
    for _ in source.tables():
        pass
    return source.report


def test_two_lost_quotes_lose_their_own_rows_only() -> None:
    path = CASES / "stray-quotes" / "reviews.csv"
    report = read(path)
    lines = path.read_bytes().count(b"\n")
    assert [reject.line for reject in report.rejects] == [12, 47]
    assert report.rows == lines - 1


def test_text_after_a_quote_and_backslashes_are_rejected() -> None:
    report = read(CASES / "quote-then-text" / "reviews.csv")
    assert len(report.rejects) >= 1
    assert {reject.line for reject in report.rejects} <= {2, 3, 4}
    assert report.kept + len(report.rejects) == report.rows


def test_semicolons_are_told_with_the_known_columns() -> None:
    path = CASES / "semicolons" / "reviews.csv"
    with pytest.raises(DataError, match="ISBN") as refused:
        read_header(local_opener(path), str(path))
    assert "';'" in str(refused.value)


def test_a_name_among_the_ratings_is_not_shown() -> None:
    path = CASES / "name-in-rating-message" / "reviews.csv"
    with pytest.raises(DataError, match="RatingOf5 is text of 14 characters") as refused:
        read(path)
    values = {value for line in path.read_text().splitlines()[1:] for value in line.split(",") if len(value) > 5}
    assert not [value for value in values if value in str(refused.value)]


def commas() -> str:
    return "," * 1_000_000 + "\n"


def f_strings() -> str:
    return "0,u,b,3,\"[f'" + "{1}" * 200_000 + "']\"\n"


@pytest.mark.parametrize("row", [commas, f_strings])
def test_a_row_that_took_the_process_or_minutes_is_rejected(row: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "0,u,a,3,\n" + row() + "1,u,c,3,\n")
    report = read(path)
    assert [reject.line for reject in report.rejects] == [3]
    assert report.kept == 2


def test_a_key_that_no_record_has_is_told_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = CASES / "rating-key" / "reviews.jsonl", tmp_path / "reviews.csv"
    assert import_json.main([str(source), f"--out={out}"]) == 0
    said = "".join(capsys.readouterr())
    assert "no record has 'stars'; the keys are 'user_id', 'book_title', 'rating', 'shelves'" in said
    assert "no record has 'genres'" in said
    assert import_json.main([str(source), f"--out={out}", "--field=stars=rating"]) == 0
    assert "0 of them unrated" in "".join(capsys.readouterr())
