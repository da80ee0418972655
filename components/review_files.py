"""The CSV files of an input path, and a stream of their bytes that has been checked.

Knows neither Beam nor TFX, so that a runner can check the input before it loads them.
"""

import csv
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from transform import features
from transform.errors import DataError

SUFFIXES: Final = (".csv", ".csv.gz")
REMEDY_ENCODING: Final = "Save the file as UTF-8 text."

Opener = Callable[[], BinaryIO]


def is_review_file(name: str) -> bool:
    """Returns whether a file of that name, in a folder of reviews, is read."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def local_review_files(path: Path) -> list[Path]:
    """Returns the files that `path` stands for, in the order in which they are read.

    Raises:
      DataError: there is nothing at `path`, or no CSV file in it.
    """
    if path.is_dir():
        try:
            files = sorted(file for file in path.iterdir() if is_review_file(file.name) and file.is_file())
        except OSError as error:
            raise _unreadable(path, error) from error
        if not files:
            raise DataError(f"--data {path}: the folder has no {' or '.join(SUFFIXES)} file. Name one that has.")
        return files
    if not path.exists():
        raise DataError(f"--data {path}: there is no such file or folder. Name a CSV file or a folder of them.")
    return [path]


def check_reviews_path(location: str) -> None:
    """Checks that `location` holds CSV files that can be read and have the columns. Remote locations are not asked.

    Raises:
      DataError: it does not, or they cannot or do not.
    """
    if "://" not in location:
        for file in local_review_files(Path(location)):
            read_header(local_opener(file), str(file))


def local_opener(path: Path) -> Opener:
    """Returns a function that opens the local file `path`, with an error that names it."""

    def open_file() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise _unreadable(path, error) from error

    return open_file


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: cannot be read ({error.strerror}). Let user {os.geteuid()} read it, or name another path."
    )


class CheckedStream(io.RawIOBase):
    """The unpacked bytes of one file. Whatever is not UTF-8 text raises, with the line it stands in."""

    def __init__(self, file: BinaryIO, name: str):
        self._raw = file
        self._file: BinaryIO = gzip.GzipFile(fileobj=file) if name.lower().endswith(".gz") else file  # type: ignore[assignment]
        self._name = name
        self._lines = 0
        self._undecoded = b""
        self.quotes = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """Returns True."""
        return True

    def close(self) -> None:
        """Closes the file beneath."""
        self._raw.close()
        super().close()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` with the next checked bytes. Returns how many; 0 at the end."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except EOFError as error:
            raise DataError(
                f"{self._name}: the gzip file ends in the middle of its data, near line {self._lines + 1}. "
                "Copy it again; it was cut off."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{self._name}: is no gzip file or is damaged ({error}). Name it without .gz if it is plain text, "
                "or pack it again."
            ) from error
        self._check(data, final=not data)
        self.sha256.update(data)
        return data

    def _check(self, data: bytes, final: bool) -> None:
        if (position := data.find(b"\0")) >= 0:
            line = self._lines + data.count(b"\n", 0, position) + 1
            raise DataError(f"{self._name}:{line}: has a NUL byte, so it is not plain text. {REMEDY_ENCODING}")
        waiting = self._undecoded + data
        try:
            waiting.decode("utf-8")
            self._undecoded = b""
        except UnicodeDecodeError as error:
            if not final and error.reason == "unexpected end of data" and len(waiting) - error.start < 4:
                self._undecoded = waiting[error.start :]
            else:
                line = self._lines + waiting.count(b"\n", 0, error.start) + 1
                raise DataError(
                    f"{self._name}:{line}: is not UTF-8 (byte 0x{waiting[error.start]:02x}). {REMEDY_ENCODING}"
                ) from error
        self._lines += data.count(b"\n")
        self.quotes += data.count(b'"')


def open_text(open_file: Opener, name: str) -> io.TextIOWrapper:
    """Opens a file as checked text, as `csv.reader` wants it."""
    return io.TextIOWrapper(io.BufferedReader(CheckedStream(open_file(), name)), encoding="utf-8-sig", newline="")


def read_header(open_file: Opener, name: str) -> list[str]:
    """Returns the column names of a file.

    Raises:
      DataError: the file is empty, a column is missing, or one is there twice.
    """
    with open_text(open_file, name) as text:
        header: Sequence[str] = next((row for row in csv.reader(text) if row), ())
    if not header:
        raise DataError(f"{name}: is empty. Name a CSV file with the columns {_listed(features.RAW_FEATURES)}.")
    missing = [column for column in features.RAW_FEATURES if column not in header]
    if missing:
        raise DataError(
            f"{name}:1: has no column {_listed(missing)}; its columns are {_listed(header)}. "
            "Rename or add what is missing."
        )
    twice = [column for column in features.RAW_FEATURES if header.count(column) > 1]
    if twice:
        raise DataError(f"{name}:1: has the column {_listed(twice)} twice. Remove or rename one of them.")
    return list(header)


def record_lines(open_file: Opener, name: str, records: Sequence[int]) -> dict[int, int]:
    """Returns the line on which each of `records` begins.

    Args:
      open_file: opens the file.
      name: the file's name, for messages.
      records: numbers of data records, counted from 0 without the header and blank lines, ascending.

    Returns:
      Line numbers, counted from 1, by record. A record beyond the last one is left out.
    """
    lines: dict[int, int] = {}
    wanted = iter(records)
    record = next(wanted, None)
    for number, line in enumerate(_record_starts(open_file, name), start=-1):
        if record is None:
            break
        if number == record:
            lines[number] = line
            record = next(wanted, None)
    return lines


def unclosed_quote_line(open_file: Opener, name: str) -> int | None:
    """Returns the line of the record that the end of the file cuts off inside quotes, or None."""
    start = 1
    with _long_fields(), open_text(open_file, name) as text:
        reader = csv.reader(text, strict=True)
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error as error:
            return start if "unexpected end of data" in str(error) else None
    return None


def _record_starts(open_file: Opener, name: str) -> Iterator[int]:
    """Yields the line on which each record begins, the header's first, however long its fields are."""
    with _long_fields(), open_text(open_file, name) as text:
        reader = csv.reader(text)
        start = 1
        for row in reader:
            if row:
                yield start
            start = reader.line_num + 1


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lets `csv.reader` read fields of any length: what is too long has been told apart before."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name)[:80] for name in names[:20]) + (", …" if len(names) > 20 else "")
