import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import DataError
from core.project import ROOT
from data.reviews.local_files import local_review_files
from data.reviews.sources import check_reviews, fingerprint, opener, review_files
from tests.s3_server import Bucket, free_port

CONTENT = "User,ISBN,RatingOf5,Genres\nann,Dune,5,\n"


def test_a_folder_is_its_csv_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.CSV.GZ", "c.csv.gz", "notes.txt", ".hidden.csv", "d.csv.bak"):
        (tmp_path / name).write_text(CONTENT)
    (tmp_path / "folder.csv").mkdir()
    assert [file.name for file in local_review_files(tmp_path)] == ["a.CSV.GZ", "b.csv", "c.csv.gz"]


@pytest.mark.parametrize("target", ["gone.csv", "b.csv"], ids=["to nothing", "to itself"])
def test_a_link_to_nothing_is_told_and_not_passed_over(target: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CONTENT)
    (tmp_path / "b.csv").symlink_to(target)
    (tmp_path / "notes.txt").symlink_to("gone")
    with pytest.raises(DataError, match=r"b\.csv: is a link to what is not there\. Mend the link, or remove it"):
        check_reviews(str(tmp_path))
    (tmp_path / "gone.csv").write_text(CONTENT)
    if target == "gone.csv":
        assert [Path(name).name for name in review_files(str(tmp_path))] == ["a.csv", "b.csv", "gone.csv"]


@pytest.mark.parametrize("name", ["reviews [1]*.csv", "Rezensionen für Ünï.csv", "a b.csv", "no-suffix"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONTENT)
    check_reviews(str(tmp_path / name))


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        check_reviews(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match=r"has no \.csv or \.csv\.gz file"):
        check_reviews(str(tmp_path))


def test_every_file_of_a_folder_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CONTENT)
    (tmp_path / "b.csv").write_text("User,ISBN,Genres\n")
    with pytest.raises(DataError, match=r"b\.csv:1: has no column 'RatingOf5'"):
        check_reviews(str(tmp_path))


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("User-ID;ISBN;Book-Rating\n1;2;3", "3 fields, separated by ';': 'User-ID', 'ISBN', 'Book-Rating'. Separate"),
        ('"User-ID";"ISBN";"Annabel"\n', "3 fields, separated by ';': 'User-ID', 'ISBN', 1 other."),
        ("User\tISBN\tRatingOf5\tGenres\n", "4 fields, separated by a tab: 'User', 'ISBN', 'RatingOf5', 'Genres'."),
        ("sep=;\nUser;ISBN\n", "a line `sep=…`, which is for spreadsheets only"),
        ("sep=,\nUser,ISBN\n", "a line `sep=…`, which is for spreadsheets only"),
        ("user_id,book_id,rating,Annabel,Q\n", "5 fields: 'user_id', 'book_id', 'rating', 2 others. Rename"),
        ("0,Annabel,Q,5,\n", "5 fields and names none of them"),
        ("1;Annabel;5\n", "3 fields, separated by ';': 3 that are not known"),
        ("Annabel\n", "1 field and names none of them"),
        ('"User,ISBN\n1,2\n', "the first line is no CSV: a quote that is never closed"),
        ('"Annabel\\"Q",ISBN\n1,2\n', "the first line is no CSV: a quote after a backslash"),
        ("Annabel," * 5000 + "\n", "the first line is no CSV: more than 4096 fields"),
        ("Annabel," + "Q" * 300_000 + "\n", "a name in the first line is too long"),
    ],
)
def test_what_stands_in_place_of_the_header_is_told_by_known_names_only(first: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(first)
    with pytest.raises(DataError) as caught:
        check_reviews(str(tmp_path / "reviews.csv"))
    assert f"{tmp_path / 'reviews.csv'}:1: " in str(caught.value)
    assert told in str(caught.value)
    assert "Annabel" not in str(caught.value)
    assert "Q" not in str(caught.value).removeprefix(str(tmp_path))
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


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
            check_reviews(str(file))
    finally:
        if as_root:
            os.seteuid(0)


def test_what_is_neither_file_nor_folder_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, told in [
        (tmp_path / "pipe", "device or a pipe"),
        ("x" * 5000, "name too long"),
        (tmp_path / "a.csv" / "b.csv", "no such file"),
        (tmp_path / os.fsdecode(b"caf\xe9.csv"), "not UTF-8"),
    ]:
        if told in ("no such file", "not UTF-8"):
            (tmp_path / "a.csv").write_text(CONTENT)
            (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text(CONTENT)
        with pytest.raises(DataError, match=told) as caught:
            check_reviews(str(path))
        str(caught.value).encode()


def test_the_check_reads_no_more_than_the_header(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT.encode() + b"ann,Dune,5,\n" * 1_000_000)
    (tmp_path / "reviews.csv.gz").write_bytes(packed[:-20])
    check_reviews(str(tmp_path))


@pytest.mark.integration
@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_remote_files_are_found_opened_and_noticed_when_they_change(scheme: str, bucket: Bucket) -> None:
    for name in ("b.csv", "a.csv.gz", ".hidden.csv", "notes.txt", "below/c.csv"):
        bucket.put(f"reviews [1] für/{name}", CONTENT)
    location = f"{scheme}://{bucket.name}/reviews [1] für"
    assert review_files(location + "/") == [f"{location}/a.csv.gz", f"{location}/b.csv"]
    assert review_files(f"{location}/notes.txt") == [f"{location}/notes.txt"]
    with opener(f"{location}/b.csv")() as file:
        assert file.read() == CONTENT.encode()
    places = (location, f"{location}/b.csv")
    before = list(map(fingerprint, places))
    assert list(map(fingerprint, places)) == before
    bucket.put("reviews [1] für/b.csv", CONTENT.replace("5", "4"))
    assert set(map(fingerprint, places)).isdisjoint(before)


@pytest.mark.integration
def test_a_remote_file_without_a_column_is_told(bucket: Bucket) -> None:
    bucket.put("a.csv.gz", gzip.compress(CONTENT.encode()))
    bucket.put("b.csv", "User,ISBN,Genres\n")
    check_reviews(f"s3://{bucket.name}/a.csv.gz")
    with pytest.raises(DataError, match=r"s3://.*/b\.csv:1: has no column 'RatingOf5'"):
        check_reviews(f"s3://{bucket.name}")


@pytest.mark.integration
def test_the_check_of_a_remote_file_reads_no_more_than_its_beginning(bucket: Bucket) -> None:
    packed = gzip.compress(CONTENT.encode() + os.urandom(9 << 20).hex().encode())
    bucket.put("reviews.csv.gz", packed[:-20])
    check_reviews(f"s3://{bucket.name}/reviews.csv.gz")


@pytest.mark.integration
def test_a_remote_gzip_file_that_was_cut_off_is_told(bucket: Bucket) -> None:
    bucket.put("reviews.csv.gz", gzip.compress(CONTENT.encode())[:-12])
    with pytest.raises(DataError, match="ends in the middle"):
        check_reviews(f"s3://{bucket.name}/reviews.csv.gz")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("s3://{bucket}/nowhere", "there is no such file or folder"),
        ("s3://{bucket}/texts", r"has no \.csv or \.csv\.gz file"),
        ("s3://no-such-bucket/reviews.csv", "has no bucket 'no-such-bucket'. Create it"),
        ("s3://", "names no bucket"),
        ("hdfs://x/y", "the scheme hdfs:// is not known. Use gs://, s3://, minio://"),
    ],
)
def test_remote_places_without_reviews_are_told(location: str, told: str, bucket: Bucket) -> None:
    bucket.put("texts/notes.txt", "")
    location = location.format(bucket=bucket.name)
    for ask in (review_files, check_reviews, fingerprint):
        with pytest.raises(DataError, match=told) as caught:
            ask(location)
        assert str(caught.value).startswith(f"--data {location}: ")


@pytest.mark.integration
def test_a_remote_file_that_vanishes_is_told_by_its_name(bucket: Bucket) -> None:
    with pytest.raises(DataError, match=r"s3://.*/gone\.csv: cannot be read \(No such file\)"):
        opener(f"s3://{bucket.name}/gone.csv")()


@pytest.mark.integration
def test_a_store_that_is_not_there_is_told_within_seconds(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    started = time.monotonic()
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:\d+ cannot be reached .*AWS_ENDPOINT_URL_S3"):
        check_reviews(f"s3://{bucket.name}/reviews.csv")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("name", ["reviews [1]*.csv", "Rezensionen für Ünï {SPAN}.csv"])
def test_a_local_files_fingerprint_changes_with_it_whatever_its_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(CONTENT)
    before = fingerprint(str(file)), fingerprint(str(tmp_path))
    assert before == (fingerprint(str(file)), fingerprint(str(tmp_path)))
    file.write_text(CONTENT * 2)
    assert {fingerprint(str(file)), fingerprint(str(tmp_path))}.isdisjoint(before)


@pytest.mark.integration
def test_the_check_loads_neither_beam_nor_tfx() -> None:
    code = "import sys, data.reviews.sources; print({'apache_beam', 'tfx', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "set()\n"
