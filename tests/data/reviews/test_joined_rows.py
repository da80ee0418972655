"""A lost quote whose next one happens to be in its place joins rows into one that is well-formed."""

from pathlib import Path

import pytest

from data.reviews.csv_reader import JOINED_ROWS, RatingsCsv
from data.reviews.joined_rows import joins_rows

KEY = b"0123456789abcdef"
NUMBERED = ["", "User", "ISBN", "RatingOf5", "Genres"]
SHORT = ["User", "ISBN", "RatingOf5", "Genres"]
LATE = ["RatingOf5", "Genres", "User", "ISBN"]


@pytest.mark.parametrize(
    ("value", "column", "header"),
    [
        ("Dune,5,\n2,bob,It", 2, NUMBERED),
        ("Dune,5,\r\n2,bob,It", 2, NUMBERED),
        ("Dune,5,\r2,bob,It", 2, NUMBERED),
        ("Dune, part 1,,\n2,bob,It, and more", 2, NUMBERED),
        ("Dune,5,[]\n2,bob,Emma,4,\n3,cid,It", 2, NUMBERED),
        ("Dune,4.5,\nbob,It", 1, SHORT),
        ("ann,Dune,4.5,\nbob", 0, SHORT),
        ("Dune\n4,,bob,It", 3, LATE),
    ],
)
def test_what_joins_rows_is_seen(value: str, column: int, header: list[str]) -> None:
    assert joins_rows(value, column, header)


@pytest.mark.parametrize(
    ("value", "column", "header"),
    [
        ("Dune,5,", 2, NUMBERED),
        ("Dune\nMessiah", 2, NUMBERED),
        ("Eats, shoots, leaves\nor, as they say, punctuation", 2, NUMBERED),
        ("Ten, 20, 30\na count, and more", 2, NUMBERED),
        ("Volumes 1, 2,\n3 and 4", 2, NUMBERED),
        ("Volumes 1, 2\n3, 4", 1, SHORT),
        ("Dune,5,\n2,,It", 2, NUMBERED),
        ("Dune,five,\n2,bob,It", 2, NUMBERED),
        ("Dune\nfour,,bob,It", 3, LATE),
        ("\n", 2, NUMBERED),
        ("", 0, SHORT),
    ],
)
def test_titles_of_several_lines_are_left(value: str, column: int, header: list[str]) -> None:
    assert not joins_rows(value, column, header)


def test_the_row_is_a_reject_by_its_line_and_the_names_in_it_reach_nothing(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(
        b",User,ISBN,RatingOf5,Genres\n1,ann,Emma,4,\n"
        b'2,ann,"Dune,5,\n3,Unmistakable,It",4,\n'
        b'4,cid,"The Hobbit,\nor There and Back Again",5,\n'
        b'5,"dan,It,5,\n6,Unmistakable",Emma,4,\n'
        b'7,eve,"\xc3\xa9,5,\n8,Unmistakable,It",4,\n'
    )
    reviews = RatingsCsv(lambda: path.open("rb"), "reviews.csv", KEY)
    rows = [row for table in reviews.tables() for row in table.to_pylist()]
    assert [row["ISBN"][0] for row in rows] == [b"Emma", b"The Hobbit,\nor There and Back Again"]
    assert b"Unmistakable" not in repr(rows).encode()
    assert [(reject.line, reject.column, reject.reason) for reject in reviews.report.rejects] == [
        (3, "ISBN", JOINED_ROWS),
        (7, "User", JOINED_ROWS),
        (9, "ISBN", JOINED_ROWS),
    ]
