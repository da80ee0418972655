"""Lines that RFC 4180 does not know are told one by one, and nothing else is lost or altered."""

import csv
import io
import re
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from data.reviews.csv_records import (
    BACKSLASH_QUOTE,
    MANY_FIELDS,
    MANY_LINES,
    OPEN_QUOTE,
    TEXT_AFTER_QUOTE,
    CsvRecords,
    LongRecordError,
)
from data.reviews.header import read_header
from data.reviews.local_files import CheckedStream
from tests.data.reviews.made_reviews import GOOD, HEADER, read, row

Found = tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]


def found(content: str | bytes, lines: int = 10, block: int | None = None) -> Found:
    """The records with their lines, and the faults, as the reader finds them."""
    content = content.encode() if isinstance(content, str) else content
    records, faults = [], []
    for part in CsvRecords(CheckedStream(io.BytesIO(content), "x.csv"), lines, block):
        text = io.StringIO(bytes(part.content).decode(), newline="")
        rows = [fields for fields in csv.reader(text) if fields]
        records += list(zip(part.lines.tolist(), rows, strict=True))
        faults += [tuple(fault) for fault in part.faults]
    return records, sorted(faults)


def expected(text: str, most: int) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """What is to be found, by a reader of one character after the other."""
    records, faults, at = [], [], 0
    while at < len(text):
        line = len(LINE_END.findall(text[:at])) + 1
        blank = LINE_END.match(text, at)
        record = None if blank else record_at(text, at, most)
        if blank:
            at = blank.end()
        elif record:
            at, fields = record
            records.append((line, fields))
        else:
            faults.append(line)
            end = LINE_END.search(text, at)
            at = end.end() if end else len(text)
    return records, faults


LINE_END = re.compile(r"\r\n|\r|\n")


def record_at(text: str, at: int, most: int) -> tuple[int, list[str]] | None:
    """Where the record that begins at `at` ends, and its fields; None if it is none."""
    start, fields, stray = at, [], False
    while True:
        value = ""
        if text[at : at + 1] == '"':
            at += 1
            while (letter := text[at : at + 1]) != '"' or text[at + 1 : at + 2] == '"':
                if not letter:
                    return None
                value += letter
                at += 2 if letter == '"' else 1
            at += 1
            if len(LINE_END.findall(value)) >= most or text[at : at + 1] not in ("", ",", "\r", "\n"):
                return None
        else:
            while text[at : at + 1] not in ("", ",", "\r", "\n"):
                value += text[at]
                at += 1
            stray |= '"' in value
        fields.append(value)
        if text[at : at + 1] != ",":
            break
        at += 1
    if stray and LINE_END.search(text[start:at]):
        return None
    end = LINE_END.match(text, at)
    return (end.end() if end else at), fields


# One that holds everything at once, and some that end in the middle of a record.
BLOCKS = st.sampled_from([4 << 20, 2, 7, 50])
PIECES = st.sampled_from(
    ['"', ",", "\n", "\r", "\r\n", "a", " ", '""', "x,y,,\n", "u,b,5,\n", 'u,"b\r\n",5,\n', '"b",', ',"b"\n', 'é"']
)


@settings(max_examples=400, deadline=None)
@given(text=st.lists(PIECES, max_size=40).map("".join), most=st.integers(1, 4), block=BLOCKS)
def test_records_faults_and_lines_are_those_of_a_plain_reader(text: str, most: int, block: int) -> None:
    """However odd the quotes are, and wherever a block ends."""
    records, faults = found(text, most, block)
    assert (records, [line for line, _ in faults]) == expected(text, most)


CELLS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from('",\r\n\\'), max_size=9)
)


@settings(max_examples=300, deadline=None)
@given(
    table=st.lists(CELLS, min_size=1),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    doubled=st.booleans(),
    block=BLOCKS,
)
def test_a_table_of_texts_is_read_as_it_was_written_or_told(
    table: list[list[str]], quoting: int, end: str, doubled: bool, block: int
) -> None:
    """By Python's writer, with any quoting. Backslashes before quotes are another dialect, never guessed at."""
    text = io.StringIO()
    escape = None if doubled else "\\"
    writer = csv.writer(text, quoting=quoting, lineterminator=end, doublequote=doubled, escapechar=escape)
    for cells in table:
        try:
            writer.writerow(cells)
        except csv.Error:  # This cannot be written so.
            return
    # Before Python 3.13 a CR alone, or an LF where lines end with CR, is written bare.
    bare = quoting != csv.QUOTE_ALL and any(letter in "".join(map("".join, table)) for letter in "\r\n")
    plain = doubled or "\\" not in text.getvalue()
    if not plain or bare:
        return
    records, faults = found(text.getvalue(), 100, block)
    # A row of nothing is a blank line for every reader.
    assert [fields for _, fields in records] == [cells for cells in table if cells]
    assert faults == []


@pytest.mark.parametrize("block", [4 << 20, 5, 64])
@pytest.mark.parametrize(
    ("text", "kept", "faults"),
    [
        ('a,"b"c,d\n', [], [(1, TEXT_AFTER_QUOTE)]),
        ('a,"b" ,d\ne\n', [(2, ["e"])], [(1, TEXT_AFTER_QUOTE)]),
        ('"""a""",b\n', [(1, ['"a"', "b"])], []),
        ('""a"",b\n', [], [(1, TEXT_AFTER_QUOTE)]),
        ('a,5" b,c\n', [(1, ["a", '5" b', "c"])], []),
        ('a, "b",c\n', [(1, ["a", ' "b"', "c"])], []),
        ('a,"b \\"c\\" d",e\n', [], [(1, BACKSLASH_QUOTE)]),
        ('a,"b: \\"",e\nf,"g"\n', [(2, ["f", "g"])], [(1, BACKSLASH_QUOTE)]),
        ('a,"c:\\",e\n', [(1, ["a", "c:\\", "e"])], []),
        ('a,"b\\",c"\n', [], [(1, BACKSLASH_QUOTE)]),
        ('a\nb,"c\nd\ne', [(1, ["a"]), (3, ["d"]), (4, ["e"])], [(2, OPEN_QUOTE)]),
        ('a,"b\nc,d\ne,"f"\n', [(2, ["c", "d"]), (3, ["e", "f"])], [(1, TEXT_AFTER_QUOTE)]),
        ('a,"b\nc,", d"\n', [(2, ["c", ", d"])], [(1, TEXT_AFTER_QUOTE)]),
        ('"a\nb\nc"\n', [(1, ["a\nb\nc"])], []),
        ('"a\nb\nc\nd"\n', [(2, ["b"]), (3, ["c"]), (4, ['d"'])], [(1, MANY_LINES)]),
        ('"a\n\n",b,"c\n\n"\n', [(1, ["a\n\n", "b", "c\n\n"])], []),
        ("\ufeffa,b\n", [(1, ["a", "b"])], []),
        ("a," * 4095 + "a\nb\n", [(1, ["a"] * 4096), (2, ["b"])], []),
        ("a," * 4096 + "a\nb\n", [(2, ["b"])], [(1, MANY_FIELDS)]),
        ('"' + "a," * 4096 + '"\n', [(1, ["a," * 4096])], []),
    ],
)
def test_each_fault_is_told_and_the_next_line_is_read(text: str, kept: list, faults: list, block: int) -> None:
    assert found(text, 3, block) == (kept, faults)


def test_two_lost_quotes_cost_two_rows(tmp_path: Path) -> None:
    lines = [f"{i},reader-{i % 12},Book {i % 20},{i % 5 + 1},\n" for i in range(60)]
    lines[10], lines[45] = '10,reader-10,"Wait Until the Lamp,3,\n', '45,reader-9,"Nobody Heard the Bell,4,\n'
    rows, report = read(HEADER + "".join(lines), tmp_path)
    assert rows == [row(f"reader-{i % 12}", f"Book {i % 20}", i % 5 + 1) for i in range(60) if i not in (10, 45)]
    assert [(reject.line, reject.reason) for reject in report.rejects] == [(12, MANY_LINES), (47, MANY_LINES)]


def test_a_thousand_rows_between_two_lost_quotes_are_kept_in_every_block(tmp_path: Path) -> None:
    text = HEADER + GOOD + '9,u,"Dune,5,\n' + GOOD * 20 + '9,u,It",5,\n' + GOOD
    rows, report = read(text, tmp_path)
    assert len(rows) == 22 * 50 + 1
    assert [(reject.line, reject.reason) for reject in report.rejects] == [(52, MANY_LINES)]


def test_a_line_of_nothing_but_commas_is_a_row_of_too_many_fields(tmp_path: Path) -> None:
    for commas in (5, 4095, 4096, 1_000_000, 7_000_000):
        rows, report = read(HEADER + "0,u,b,4,\n" + "," * commas + "\n2,u,d,4,\n", tmp_path)
        assert [review.isbn for review in rows] == ["b", "d"]
        [reject] = report.rejects
        assert (reject.line, reject.reason) == (3, MANY_FIELDS if commas > 4095 else "wrong number of fields")


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    class Endless(io.RawIOBase):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    tracemalloc.start()
    with pytest.raises(LongRecordError):
        list(CsvRecords(CheckedStream(Endless(), "x.csv"), 10))  # type: ignore[arg-type]
    assert tracemalloc.get_traced_memory()[1] < 150 << 20
    tracemalloc.stop()
    with pytest.raises(DataError, match=r"x\.csv:1: the first line has more than 1,048,576 bytes"):
        read_header(lambda: Endless(), "x.csv")  # type: ignore[arg-type, return-value]


def test_many_faults_take_time_in_proportion() -> None:
    """As they would not if each was looked for from the beginning of its block, or read to the end of it."""
    for line in (b'0,u,"a"b,5,\n', b'0,u,5" disk,5,\n', b'0,u,"a,5,""\n'):
        started = time.process_time()
        found(line * 20_000)
        assert time.process_time() - started < 10
