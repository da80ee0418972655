"""Scraped JSON becomes the CSV that the pipeline reads, or one readable error."""

import ast
import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import import_json
from data.json_records import PIECE_BYTES, read_records
from data.reviews.csv_reader import RatingsCsv
from data.reviews.csv_writer import HEADER

GOOD: dict[str, Any] = {"user_id": "u1", "book_title": "Dune", "stars": 4, "genres": ["Fiction"]}

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
REVIEW = st.fixed_dictionaries(
    {"user_id": TEXT, "book_title": TEXT},
    optional={
        "stars": st.none() | st.integers(0, 5) | st.floats(0, 5),
        "genres": st.none() | st.lists(TEXT, max_size=3),
        "helpful": st.dictionaries(TEXT, st.integers(-9, 9), max_size=2),
    },
)


def lines_of(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def rows_of(out: Path) -> list[list[str]]:
    content = out.read_bytes()
    text = gzip.decompress(content) if out.name.endswith(".gz") else content
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


def imported(folder: Path, content: str | bytes, name: str = "scrape.json") -> list[list[str]]:
    """The data rows that a file with `content` becomes, without the index column."""
    source, out = folder / name, folder / "reviews.csv"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    assert import_json.main([str(source), "--out", str(out)]) == 0
    header, *rows = rows_of(out)
    assert ",".join(header) + "\n" == HEADER
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows))]
    return [row[1:] for row in rows]


FORMS = {
    "lines": lines_of,
    "array": json.dumps,
    "pretty array": lambda records: json.dumps(records, indent=2),
    "pretty objects": lambda records: "\n".join(json.dumps(record, indent=1) for record in records),
    "unescaped": lambda records: json.dumps(records, ensure_ascii=False),
    "blank lines and a byte-order mark": lambda records: "\ufeff\n\n" + lines_of(records).replace("\n", "\n\n"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_each_form_gives_the_same_rows(tmp_path: Path, form: str, packed: bool) -> None:
    records = [
        GOOD,
        {"user_id": 7, "book_title": "Łódź, “a\nstory”", "stars": 3.5, "genres": []},
        {"user_id": "007", "book_title": 'Say "x"', "stars": None, "genres": ["Children's", "Arts, Crafts"]},
    ]
    content = FORMS[form](records).encode()
    # The content says what a file is, whatever its name.
    assert imported(tmp_path, gzip.compress(content) if packed else content) == [
        ["u1", "Dune", "4", "['Fiction']"],
        ["7", "Łódź, “a\nstory”", "3.5", ""],
        ["007", 'Say "x"', "", """["Children's", 'Arts, Crafts']"""],
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(REVIEW, min_size=1, max_size=5), st.sampled_from([lines_of, json.dumps]))
def test_any_review_comes_back(tmp_path: Path, records: list[dict[str, Any]], form: Any) -> None:
    rows = imported(tmp_path, form(records))
    assert [row[:2] for row in rows] == [[record["user_id"], record["book_title"]] for record in records]
    for row, record in zip(rows, records, strict=True):
        assert (float(row[2]) if row[2] else None) == record.get("stars")
        assert (ast.literal_eval(row[3]) if row[3] else []) == (record.get("genres") or [])
    frame = pandas.read_csv(tmp_path / "reviews.csv", dtype=str, keep_default_na=False)
    assert frame["ISBN"].tolist() == [record["book_title"] for record in records]


def test_the_pipeline_reads_the_result(tmp_path: Path) -> None:
    imported(tmp_path, lines_of([GOOD, {**GOOD, "book_title": "a\nb", "stars": "2.5", "genres": "Fiction, Crime"}]))
    file = RatingsCsv(lambda: (tmp_path / "reviews.csv").open("rb"), "reviews.csv", b"0123456789abcdef")
    [table] = file.tables()
    assert table["ISBN"].to_pylist() == [[b"Dune"], [b"a\nb"]]
    assert table["RatingOf5"].to_pylist() == [[4.0], [2.5]]
    assert table["Genres"].to_pylist() == [[b"Fiction"], [b"Fiction", b"Crime"]]


@pytest.mark.parametrize(
    ("stars", "cell"),
    [(4, "4"), (4.0, "4"), (3.5, "3.5"), (0, "0"), ("5", "5"), (" 2.50 ", "2.5"), (None, ""), ("", ""), ("  ", "")],
)
def test_stars_may_be_numbers_or_text(tmp_path: Path, stars: Any, cell: str) -> None:
    assert imported(tmp_path, json.dumps([{**GOOD, "stars": stars}]))[0][2] == cell


@pytest.mark.parametrize(
    ("genres", "cell"),
    [
        (["A", "B"], "['A', 'B']"),
        ("A, B,", "['A', 'B']"),
        ("Crime", "['Crime']"),
        ([], ""),
        ("", ""),
        (" , ", ""),
        (None, ""),
        (["Ł", "'"], """['Ł', "'"]"""),
    ],
)
def test_genres_may_be_a_list_or_text(tmp_path: Path, genres: Any, cell: str) -> None:
    assert imported(tmp_path, json.dumps([{**GOOD, "genres": genres}]))[0][3] == cell


def test_stars_and_genres_may_be_missing(tmp_path: Path) -> None:
    assert imported(tmp_path, '{"user_id": 9007199254740993, "book_title": 42}') == [["9007199254740993", "42", "", ""]]


RATING_KEY = [
    {"user_id": "reader-1", "book_title": "Book 1", "rating": 5, "shelves": ["crime"], "mine": 1},
    {"user_id": "reader-2", "book_title": "Book 2", "rating": 1, "shelves": ["crime"], "mine": 2, "Annabel-Q": 3},
]


def test_a_field_that_no_record_has_is_told_with_the_keys_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, lines_of(RATING_KEY))
    told = capsys.readouterr().err
    for name in ("stars", "genres"):
        assert f"no record has '{name}'; the keys are 'user_id', 'book_title', 'rating', 'shelves', 'mine'" in told
        assert f"--field {name}=KEY" in told
    assert "and 1 more" in told
    assert "Annabel" not in told


def test_a_field_may_have_another_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "reviews.jsonl", tmp_path / "reviews.csv"
    source.write_text(lines_of(RATING_KEY))
    fields = ["--field", "stars=rating", "--field", "genres=shelves"]
    assert import_json.main([str(source), "--out", str(out), *fields]) == 0
    assert [row[3:] for row in rows_of(out)[1:]] == [["5", "['crime']"], ["1", "['crime']"]]
    assert capsys.readouterr().err == ""
    before = out.read_bytes()
    for wrong in ("stars=raiting", "sters=rating", "stars", "stars="):
        assert import_json.main([str(source), "--out", str(out), "--field", wrong]) == 2
        assert f"--field {wrong}: " in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("276725", "276725"),
        ("276725.0", "276725"),
        ("2.76725e5", "276725"),
        ("9007199254740993.0", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.5", "0.5"),
        ("1e999999999", "1E+999999999"),
    ],
)
def test_a_number_is_one_reader_however_it_is_written(number: str, text: str, tmp_path: Path) -> None:
    record = '{"user_id": NUMBER, "book_title": NUMBER, "stars": 4}'.replace("NUMBER", number)
    assert imported(tmp_path, record)[0][:2] == [text, text]


def test_rows_without_a_user_or_a_title_are_left_to_the_pipeline_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [{**GOOD, "user_id": None}, {**GOOD, "book_title": " "}, {**GOOD, "stars": None}]
    assert [row[:2] for row in imported(tmp_path, lines_of(records))] == [["", "Dune"], ["u1", " "], ["u1", "Dune"]]
    assert "3 reviews, 1 of them unrated; 2 without a user or a title" in capsys.readouterr().out


def test_files_and_folders_are_read_in_order_and_numbered_through(tmp_path: Path) -> None:
    scrape = tmp_path / "scrape"
    (scrape / "deeper").mkdir(parents=True)
    (scrape / "b.jsonl").write_text(lines_of([{**GOOD, "user_id": "b"}]))
    (scrape / "a.json").write_text(json.dumps([{**GOOD, "user_id": "a1"}, {**GOOD, "user_id": "a2"}]))
    (scrape / "deeper" / "c.ndjson.gz").write_bytes(gzip.compress(lines_of([{**GOOD, "user_id": "c"}]).encode()))
    (scrape / ".hidden.json").write_text("not JSON")
    (scrape / "notes.txt").write_text("not JSON")
    (tmp_path / "first.dump").write_text(lines_of([{**GOOD, "user_id": "first"}]))
    out = tmp_path / "reviews.csv.gz"
    assert import_json.main([str(tmp_path / "first.dump"), str(scrape), "--out", str(out)]) == 0
    assert [row[:2] for row in rows_of(out)[1:]] == [["0", "first"], ["1", "a1"], ["2", "a2"], ["3", "b"], ["4", "c"]]


@pytest.mark.parametrize("form", ["lines", "one line"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: str) -> None:
    records = [{**GOOD, "book_title": f"Book {number}"} for number in range(20_000)]
    source = tmp_path / "scrape.json"
    source.write_text(lines_of(records) if form == "lines" else json.dumps(records))
    assert source.stat().st_size > 1_500_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(source)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def bad(**fields: Any) -> str:
    """Two records, of which the second is bad."""
    return lines_of([GOOD, {**GOOD, **fields}])


BAD_CONTENTS: dict[str, tuple[str | bytes, list[str]]] = {
    "stars out of range": (bad(stars=7), ["record 2 (line 2)", "stars is a number,", "0 to 5"]),
    "negative stars": (bad(stars=-1), ["record 2 (line 2)", "stars is a number,"]),
    "stars in words": (
        bad(stars="five"),
        ["record 2 (line 2)", "stars is text of 4", "not a number", "0 to 5"],
    ),
    "stars with more text": (bad(stars="4 of 5"), ["stars is text of 6 characters"]),
    "stars not a number": (bad(stars="nan"), ["stars is text of 3 characters"]),
    "boolean stars": (bad(stars=True), ["stars is true"]),
    "a list of stars": (bad(stars=[4]), ["stars is a list of 1"]),
    "a user that is a list": (bad(user_id=["u"]), ["user_id is a list of 1", "string or a number"]),
    "a boolean title": (bad(book_title=False), ["book_title is false"]),
    "a NUL in a name": (bad(user_id="a\0b"), ["user_id is text of 3 characters", "NUL"]),
    "genres that are a number": (bad(genres=3), ["genres is a number", "list of strings"]),
    "genres with a number": (bad(genres=["A", 3]), ["genres is a list of 2"]),
    "genres as Python text": (bad(genres="['A']"), ["genres is text of 5 characters"]),
    "no user": (lines_of([{"book_title": "Dune"}]), ["record 1 (line 1)", "has no user_id", "'book_title'"]),
    "no user, no title": (json.dumps([{"name": "x"}]), ["has no user_id and no book_title", "'name'"]),
    "a number as record": (json.dumps([GOOD, 3]), ["record 2", "is a number, not an object"]),
    "a list among lines": (lines_of([GOOD, [GOOD]]), ["record 2 (line 2)", "not an object"]),
    "a long value": (bad(stars="9" * 5000), ["stars is text of 5,000 characters"]),
    "an empty file": ("", ["no reviews"]),
    "an empty array": ("[]", ["no reviews"]),
    "cut off": (json.dumps([GOOD, GOOD])[:-20], ["ends in the middle of record 2", "line 1"]),
    "a trailing comma": ("[" + json.dumps(GOOD) + ",\n]", ["invalid JSON on line 2, byte 1 ", "in record 2"]),
    "NaN": ('{"user_id": 1,\n "stars": NaN}', ["line 2, byte 11 ", "(byte 26 of the file)", "NaN, which JSON", "null"]),
    "two arrays": ("[" + json.dumps(GOOD) + "]\n[]", ["invalid JSON on line 2, byte 1 ", "one array"]),
    "a comma after a line": ("{},\n{}", ["line 1, byte 3 ", "byte 3 of the file"]),
    "no JSON": ("User,ISBN\n1,2\n", ["invalid JSON on line 1, byte 1 "]),
    "far into a long line": (
        "[" + (json.dumps(GOOD) + ",") * 3000 + "x]",
        [f"line 1, byte {(len(json.dumps(GOOD)) + 1) * 3000 + 2} ", "in record 3001"],
    ),
    "Latin-1": (b'{"user_id": 1,\n"book_title": "\xe9"}', ["line 2 is not UTF-8", "0xe9", "Save the file as UTF-8"]),
    "UTF-16": (lines_of([GOOD]).encode("utf-16"), ["line 1 is not UTF-8", "0xff"]),
    "a truncated gzip": (gzip.compress(lines_of([GOOD] * 99).encode())[:-20], ["gzip file ends in the middle"]),
    "a damaged gzip": (gzip.compress(lines_of([GOOD]).encode())[:-8] + bytes(8), ["gzip file is damaged"]),
    "a gzip of nothing": (b"\x1f\x8b\x08 and so on, no gzip", ["gzip file is damaged"]),
}


@pytest.mark.parametrize("case", BAD_CONTENTS)
def test_bad_input_gives_one_readable_error_and_leaves_the_old_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    content, parts = BAD_CONTENTS[case]
    source, out = tmp_path / "scrape.json", tmp_path / "reviews.csv"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    out.write_text("old")
    assert import_json.main([str(source), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert len(captured.err) < 500 + len(str(source))
    for part in (f"error: {source}", *parts):
        assert part in captured.err, captured.err
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reviews.csv", "scrape.json"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.json", "--out", "reviews.csv"], "missing.json: there is no such file"),
        (["empty", "--out", "reviews.csv"], "empty: the folder has no .json,"),
        (["good.json", "--out", "reviews.json"], "is neither a .csv nor a .csv.gz file"),
        (["good.json", "--out", "nowhere/reviews.csv"], "there is no folder nowhere"),
        (["good.json", "--out", "empty.csv"], "is a folder"),
    ],
)
def test_paths_that_cannot_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "empty.csv"):
        Path(folder).mkdir()
    Path("good.json").write_text(json.dumps([GOOD]))
    assert import_json.main(arguments) == 2
    assert told in capsys.readouterr().err
    assert not Path("reviews.csv").exists()


def test_a_character_may_lie_across_two_parts_of_a_long_line(tmp_path: Path) -> None:
    """The parts are cut by bytes: at every offset one of the characters of three bytes is cut in two."""
    for shift in range(3):
        title = "x" * (PIECE_BYTES - 100 + shift) + "雪" * 100
        assert imported(tmp_path, json.dumps([{**GOOD, "book_title": title}], ensure_ascii=False))[0][1] == title
