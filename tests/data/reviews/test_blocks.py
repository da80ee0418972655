"""Where a block of a file ends, and what the thread that reads ahead hands over, is not seen in what is read."""

import threading
from pathlib import Path

import pytest

from core.errors import DataError
from data.reviews import csv_records
from data.reviews.csv_reader import RatingsCsv
from data.reviews.local_files import local_opener
from tests.data.reviews.made_reviews import GOOD, HEADER, KEY, read


def test_lines_are_exact_in_every_block_of_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 4096)
    lines, expected, line = [HEADER], [], 2
    for number in range(3000):
        kind = number % 7
        if kind == 0:
            lines.append(f'{number},u{number},"title\n{number}",3,\n')
        elif kind == 3:
            lines.append(f"{number},,title,3,\n")
            expected.append(line)
        elif kind == 5:
            lines.append(f"{number},u{number},title\n")
            expected.append(line)
        else:
            lines.append(f"{number},u{number},title {number},3,\n")
        line += 2 if kind == 0 else 1
    rows, report = read("".join(lines), tmp_path)
    assert [reject.line for reject in report.rejects] == expected
    assert len(rows) == 3000 - len(expected)


def test_a_line_break_inside_quotes_survives_the_end_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in range(60, 100):
        monkeypatch.setattr(csv_records, "BLOCK_BYTES", block)
        text = HEADER + '0,ann,"one\r\ntwo",5,\r\n1,ann,"one\rtwo",5,\r\n'
        assert [review.isbn for review in read(text, tmp_path)[0]] == ["one\r\ntwo", "one\rtwo"]


def test_a_last_record_without_line_break_may_lie_across_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEADER + "0,ann,Dune,5,\n1,bob,The Left Hand of Darkness,4,"
    for block in range(len(text) // 2 + 1, len(text) + 4):
        monkeypatch.setattr(csv_records, "BLOCK_BYTES", block)
        assert len(read(text, tmp_path)[0]) == 2


BAD_RATING = "9,u,Dune,five,\n"
LATER_FAULTS = {
    "NUL": b"9,u,Bo\0k,5,\n",
    "UTF-8": b"9,u,Caf\xe9,5,\n",
    "1,048,576": b"9,u," + b"x" * 1_100_000 + b",5,\n",
}


def test_of_two_faults_the_one_that_comes_first_in_the_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However soon the blocks after it are read."""
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 2_200_000)
    first = (HEADER + GOOD + "7,u\n" + BAD_RATING + GOOD * 10_000).encode()
    assert ":53: RatingOf5 is text of 4" in told_fault(first + LATER_FAULTS["1,048,576"] + GOOD.encode(), tmp_path)


@pytest.mark.parametrize("later", LATER_FAULTS)
def test_a_fault_before_a_wrong_rating_is_told_instead_of_it(
    later: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 600)
    content = (HEADER + GOOD + "7,u\n").encode() + LATER_FAULTS[later] + (GOOD + BAD_RATING).encode()
    message = told_fault(content, tmp_path)
    assert ":53:" in message
    assert later in message


def told_fault(content: bytes, folder: Path) -> str:
    before = threading.active_count()
    with pytest.raises(DataError) as caught:
        read(content, folder)
    assert threading.active_count() == before
    return str(caught.value)


def test_who_stops_reading_early_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 600)
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + GOOD * 10)
    before = threading.active_count()
    tables = RatingsCsv(local_opener(path), str(path), KEY).tables()
    next(tables)
    assert threading.active_count() == before + 1
    tables.close()
    assert threading.active_count() == before


def test_a_character_that_straddles_two_reads_is_no_fault(tmp_path: Path) -> None:
    title = "日本語" * 1_000_000
    text = HEADER + "".join(f"{i},ann,{title[: 90_000 + i]},5,\n" for i in range(50))
    assert len(read(text, tmp_path)[0]) == 50
