"""What the data tools write is what every CSV reader reads, and it appears whole or not at all."""

import ast
import csv
import gzip
import io
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from data.reviews.csv_writer import COLUMNS, HEADER, genres_cell, output_fault, quoted, rating_cell, replacing

# Any text of any script. A NUL is no text; a lone surrogate cannot be written as UTF-8.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
AWKWARD = TEXT | st.sampled_from(
    ['"', ",", '""', "a\nb", "a\r\nb", "\r", " x ", "007", "NA", "'", "\u2028", "\ufeffx", "#"]
)


@given(st.lists(st.tuples(AWKWARD, AWKWARD), min_size=1, max_size=5))
def test_any_text_comes_back_from_every_reader(rows: list[tuple[str, str]]) -> None:
    content = ("first,second\n" + "".join(f"{quoted(a)},{quoted(b)}\n" for a, b in rows)).encode()
    assert [tuple(row) for row in csv.reader(io.StringIO(content.decode(), newline=""))][1:] == rows
    frame = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert list(frame.itertuples(index=False, name=None)) == rows
    table = pacsv.read_csv(
        pa.BufferReader(content),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types={"first": pa.string(), "second": pa.string()}, strings_can_be_null=False
        ),
    )
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_genres_are_a_python_list_inside_a_cell(genres: list[str]) -> None:
    [[cell]] = csv.reader(io.StringIO(genres_cell(genres) + "\n", newline=""))
    assert ast.literal_eval(cell) == genres


def test_text_without_special_characters_stays_without_quotes() -> None:
    assert quoted("Ordinary Łódka's") == "Ordinary Łódka's"
    assert genres_cell(["Fiction"]) == "['Fiction']"
    assert genres_cell([]) == ""


@pytest.mark.parametrize(
    ("stars", "cell"),
    [(None, ""), (4, "4"), (4.0, "4"), (3.5, "3.5"), (0, "0"), (-0.0, "0"), (5, "5"), (10 / 3, "3.3333333333333335")],
)
def test_a_rating_is_as_short_as_it_can_be(stars: float | None, cell: str) -> None:
    assert rating_cell(stars) == cell


def test_the_header_is_the_one_that_pandas_writes() -> None:
    assert pandas.DataFrame(columns=COLUMNS[1:]).to_csv() == HEADER


def test_the_same_content_is_packed_to_the_same_bytes_whatever_the_name(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        with replacing(tmp_path / name) as stream:
            stream.write(HEADER.encode())
    packed = (tmp_path / "a.csv.gz").read_bytes()
    assert packed == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress(packed) == HEADER.encode()
    assert packed[3:8] == bytes(5), "neither flags (a file name) nor a time"


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.csv.gz"])
def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    out.write_bytes(b"old")
    with pytest.raises(UnicodeEncodeError), replacing(out) as stream:
        stream.writelines(text.encode() for text in ("new" * 100_000, "a lone surrogate: \ud800"))
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_that_cannot_be_put_in_its_place_is_told_in_one_message(tmp_path: Path) -> None:
    out = tmp_path / "reviews.csv"
    out.mkdir()
    with pytest.raises(DataError, match=r"reviews\.csv: cannot be written"), replacing(out) as stream:
        stream.write(b"x")
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reviews.txt", "is neither a .csv nor a .csv.gz file"),
        ("folder.csv", "is a folder"),
        ("missing/reviews.csv", "there is no folder"),
    ],
)
def test_an_output_that_cannot_work_is_told_beforehand(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert told in output_fault(tmp_path / name)
    assert str(tmp_path / name) in output_fault(tmp_path / name)
    assert output_fault(tmp_path / "reviews.CSV.gz") == ""
