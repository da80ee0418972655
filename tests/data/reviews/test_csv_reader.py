import csv
import gzip
import hashlib
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.project import ROOT
from core.pseudonyms import pseudonymise
from data.reviews import csv_reader, csv_records
from data.reviews.csv_reader import RatingsCsv
from data.reviews.local_files import local_opener
from tests.data.reviews.made_reviews import GOOD, HEADER, KEY, read, row


def test_the_notebooks_columns_are_read(tmp_path: Path) -> None:
    text = (
        HEADER + '0,007,"A ""title"", with\nline",4,"[\'Fiction\', ""Children\'s""]"\n1,ann,0012,,\n2,NA,null,3.5,[]\n'
    )
    rows, report = read(text, tmp_path)
    assert rows == [
        row("007", 'A "title", with\nline', 4, ["Fiction", "Children's"]),
        row("ann", "0012", None),
        row("NA", "null", 3.5),
    ]
    assert (report.rows, report.kept, report.rejects) == (3, 3, [])
    assert report.sha256 == hashlib.sha256(text.encode()).hexdigest()


FORMS = {
    "no-index.csv": b"User,ISBN,RatingOf5,Genres\nann,Dune,5,['SF']\n",
    "other-order.csv": b"Genres,x,RatingOf5,ISBN,y,User,x\n['SF'],\",\",5,Dune,7,ann,8\n",
    "bom-crlf.csv": b"\xef\xbb\xbfUser,ISBN,RatingOf5,Genres\r\nann,Dune,5,['SF']\r\n",
    "blank-lines-no-end.csv": b"User,ISBN,RatingOf5,Genres\n\n\nann,Dune, 5 ,['SF']",
    "packed.csv.gz": gzip.compress(b"User,ISBN,RatingOf5,Genres\nann,Dune,5,['SF']\n"),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_one_review(name: str, tmp_path: Path) -> None:
    assert read(FORMS[name], tmp_path, name)[0] == [row("ann", "Dune", 5, ["SF"])]


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from('",\r\n'),
    min_size=1,
    max_size=30,
).filter(str.strip)
REVIEWS = st.lists(
    st.tuples(TEXT, TEXT, st.sampled_from([None, 0.0, 2.5, 5.0]), st.lists(TEXT, max_size=3)), min_size=1
)
ORDERS = st.permutations(["", "User", "ISBN", "RatingOf5", "Genres", "more"])


@settings(max_examples=60, deadline=None)
@given(reviews=REVIEWS, order=ORDERS, line_end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_what_the_csv_module_writes_is_read_back(
    reviews: list, order: list[str], line_end: str, bom: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO()
    # Before Python 3.13 a CR alone is quoted only where lines end with one.
    quoting = csv.QUOTE_ALL if line_end == "\n" else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(text, order, lineterminator=line_end, quoting=quoting)
    writer.writeheader()
    for number, (user, isbn, rating, genres) in enumerate(reviews):
        fields = (number, user, isbn, rating, genres or "", f'"{isbn}",\n')
        writer.writerow(dict(zip(["", "User", "ISBN", "RatingOf5", "Genres", "more"], fields, strict=True)))
    content = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
    rows, report = read(content, tmp_path_factory.mktemp("round"))
    assert rows == [row(user, isbn, rating, genres or None) for user, isbn, rating, genres in reviews]
    assert report.rejects == []


@settings(max_examples=30, deadline=None)
@given(reviews=REVIEWS)
def test_what_pandas_writes_is_read_back(reviews: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("pandas") / "reviews.csv.gz"
    pd.DataFrame(reviews, columns=["User", "ISBN", "RatingOf5", "Genres"]).to_csv(path, quoting=csv.QUOTE_NONNUMERIC)
    rows, _ = read(path.read_bytes(), path.parent, path.name)
    assert rows == [row(user, isbn, rating, genres or None) for user, isbn, rating, genres in reviews]


def test_rejects_name_line_column_and_reason_but_no_value(tmp_path: Path) -> None:
    text = (
        HEADER
        + '0,ann,"two\nlines",5,\n'  # lines 2 and 3
        + "1,,Dune,5,\n"  # 4
        + "\n"  # 5, blank
        + "2,bob,  ,5,\n"  # 6
        + "3,bob,Dune\n"  # 7
        + '4,bob,"three\n\nlines",5,"Fiction"\n'  # 8 to 10
        + "5,bob,Dune,5,\"['SF', 3]\"\n"  # 11
        + "6,bob,Dune,5,,,\n"  # 12
        + "7,cat,Dune,5,\n"  # 13
    )
    rows, report = read(text, tmp_path)
    assert rows == [row("ann", "two\nlines", 5), row("cat", "Dune", 5)]
    assert [(reject.line, reject.column, reject.reason) for reject in report.rejects] == [
        (4, "User", "no user"),
        (6, "ISBN", "no book"),
        (7, "", "wrong number of fields"),
        (8, "Genres", "not a list of strings"),
        (11, "Genres", "not a list of strings"),
        (12, "", "wrong number of fields"),
    ]
    assert (report.rows, report.kept) == (8, 2)
    assert "bob" not in repr(report.rejects)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ["is empty"]),
        (b",User,Title,RatingOf5,Genres\n", [":1:", "'ISBN'", "'Title'"]),
        (b",User,ISBN,RatingOf5,Genres,ISBN\n", [":1:", "'ISBN'", "twice"]),
        ((HEADER + GOOD).encode() + b"9,u,Caf\xe9,5,\n", [":52:", "UTF-8", "0xe9"]),
        ((HEADER + GOOD).encode() + b"9,u,Bo\0k,5,\n", [":52:", "NUL"]),
        ((HEADER + GOOD + "9,u,Dune,five,\n").encode(), [":52:", "RatingOf5", "text of 4 characters", "0 to 5"]),
        ((HEADER + '8,u,"a\nb",4,\n9,u,Dune,nan,\n').encode(), [":4:", "RatingOf5", "text of 3 characters"]),
        ((HEADER + "7,u\n8,,b,4,\n9,u,Dune,inf,\n").encode(), [":4:", "RatingOf5", "text of 3 characters"]),
        ((HEADER + GOOD + "9,u," + "x" * 1_100_000 + ",5,\n" + GOOD).encode(), [":52:", "1,048,576", "quote"]),
        ((HEADER + GOOD + "9,u," + "x" * 10_000_000 + ",5,\n" + GOOD).encode(), [":52:", "1,048,576", "quote"]),
        ((HEADER + GOOD * 5 + "9,u,Dune,1_0,\n8,u,Dune,x,\n").encode(), [":252:", "text of 3 characters", "1 more"]),
        ((HEADER + "9,u,Dune,1e60,\n").encode(), [":2:", "32 bits"]),
        (b"0,Annabel-Q,Dune,5,\n", [":1:", "'ISBN'", "none of them", ",User,ISBN,RatingOf5,Genres"]),
        (b"\n;User;ISBN;RatingOf5;Genres\n", [":2:", "5 fields, separated by ';'", "'User', 'ISBN'", "commas"]),
        (b",user,isbn,rating,genres\n", [":1:", "'user'", "'isbn'"]),
        ((HEADER + GOOD).encode("utf-16"), [":1:", "NUL"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else f"{len(value)} bytes",
)
def test_what_cannot_be_read_is_told_by_file_line_and_remedy(content: bytes, told: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(content, tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "reviews.csv") in message
    for text in told:
        assert text in message
    assert "Annabel" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    "content", [gzip.compress((HEADER + GOOD).encode())[:-20], (HEADER + GOOD).encode()], ids=["cut off", "not packed"]
)
def test_a_damaged_gzip_file_is_told(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"reviews\.csv\.gz.*gzip"):
        read(content, tmp_path, "reviews.csv.gz")


def test_a_lone_quote_inside_a_field_is_text_as_it_is_for_pandas(tmp_path: Path) -> None:
    rows, report = read(HEADER + '0,ann,The 5" Disk,5,\n1,bob,Dune,4,\n', tmp_path)
    assert rows == [row("ann", 'The 5" Disk', 5), row("bob", "Dune", 4)]
    assert report.rejects == []


def test_a_rating_outside_the_scale_is_left_to_the_contract(tmp_path: Path) -> None:
    assert [review.rating for review in read(HEADER + "0,ann,Dune,7,\n1,ann,It,-1,\n", tmp_path)[0]] == [7, -1]


def test_the_memory_for_known_values_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "CACHED_VALUES", 10)
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 500)
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "".join(f"{i},u{i % 40},Dune,5,\"['g{i % 40}']\"\n" for i in range(1000)))
    source = RatingsCsv(local_opener(path), str(path), KEY)
    rows = pa.concat_tables(source.tables()).to_pylist()
    assert [r["User"][0].decode() for r in rows] == [pseudonymise(f"u{i % 40}", KEY) for i in range(1000)]
    assert [r["Genres"] for r in rows] == [[f"g{i % 40}".encode()] for i in range(1000)]
    assert len(source._genres) < 40


def test_counts_are_those_of_pandas(tmp_path: Path) -> None:
    sample = ROOT / "data" / "sample" / "reviews.csv.gz"
    source = RatingsCsv(local_opener(sample), str(sample), KEY)
    table = pa.concat_tables(source.tables())
    reviews = pd.read_csv(sample, dtype=str, keep_default_na=False)
    assert len(table) == len(reviews) == source.report.rows
    for column in ("User", "ISBN"):
        values = {value[0] for value in table.column(column).to_pylist()}
        assert len(values) == reviews[column].nunique()
    assert table.column("RatingOf5").null_count == (reviews.RatingOf5 == "").sum()
