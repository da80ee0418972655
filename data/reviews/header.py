"""Reads the column names in the first line of a CSV of reviews, and explains a wrong first line."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from core.errors import DataError
from data.reviews.csv_records import MAX_FIELD_LINES, CsvRecords, LongRecordError
from data.reviews.local_files import CheckedStream, Opener
from data.reviews.public_names import is_known, listed
from transform import features

# A check of the header reads at most this many bytes if the first line is short.
BEGINNING_BYTES: Final = 1 << 18
MAX_HEADER_BYTES: Final = 1 << 20

_SEPARATORS: Final = {";": "';'", "\t": "a tab", "|": "'|'", ":": "':'"}


def read_header(open_file: Opener, name: str) -> list[str]:
    """Returns the column names of a file.

    Raises:
      DataError: the file is empty, a column is missing, or one occurs twice.
    """
    line, header = _first_record(open_file, name)
    missing = [column for column in features.RAW_FEATURES if column not in header]
    if missing:
        raise DataError(f"{name}:{line}: has no column {_quoted(missing)}; {_found(header)}")
    twice = [column for column in features.RAW_FEATURES if header.count(column) > 1]
    if twice:
        raise DataError(f"{name}:{line}: has the column {_quoted(twice)} twice. Remove or rename one of them.")
    return header


def _first_record(open_file: Opener, name: str) -> tuple[int, list[str]]:
    """Returns the line number of the first record, and its fields."""
    with CheckedStream(open_file(), name) as stream:
        try:
            records = next(iter(CsvRecords(stream, MAX_FIELD_LINES, BEGINNING_BYTES, MAX_HEADER_BYTES)), None)
        except LongRecordError as error:
            raise DataError(
                f"{name}:{error.line}: the first line has more than {MAX_HEADER_BYTES:,} bytes. Begin the file with "
                f"the names of its columns, {_quoted(features.RAW_FEATURES)}, on a line of their own."
            ) from error
    if records is None:
        raise DataError(f"{name}: is empty. Name a CSV file with the columns {_quoted(features.RAW_FEATURES)}.")
    fault = min(records.faults, default=None)
    if fault and (not len(records.lines) or fault.line < records.lines[0]):
        text = _line(open_file, name, fault.line)
        if any(f'"{mark}"' in text for mark in _SEPARATORS):
            raise DataError(f"{name}:{fault.line}: is no CSV with commas; {_found([text])}")
        raise DataError(
            f"{name}:{fault.line}: the first line is no CSV: {fault.reason}. Begin the file with the names of its "
            f"columns, {_quoted(features.RAW_FEATURES)}, separated by commas."
        )
    first_line = io.StringIO(bytes(records.content).decode("utf-8"), newline="")
    try:
        return int(records.lines[0]), next(row for row in csv.reader(first_line) if row)
    except csv.Error as error:
        raise DataError(f"{name}:{records.lines[0]}: a name in the first line is too long. Shorten it.") from error


def _line(open_file: Opener, name: str, number: int) -> str:
    """Returns the beginning of line `number`, which is one of the first."""
    with io.BufferedReader(CheckedStream(open_file(), name), BEGINNING_BYTES) as lines:
        for _ in range(number):
            text = lines.readline(BEGINNING_BYTES)
    return text.decode("utf-8-sig", "replace").strip()


def _found(header: Sequence[str]) -> str:
    """Returns what the first line has instead of the columns. It repeats known names only: others could be a review."""
    if header[0].strip().lower().startswith("sep="):
        return (
            "it begins with a line `sep=…`, which is for spreadsheets only. Remove that line, and separate the "
            "fields by commas."
        )
    mark = max(_SEPARATORS, key=header[0].count)
    if len(header) == 1 and mark in header[0]:
        fields = header[0].split(mark)
        return (
            f"its first line has {len(fields)} fields, separated by {_SEPARATORS[mark]}: {listed(fields)}. "
            f"Separate the fields by commas{_renamed(fields)}."
        )
    fields_found = f"its first line has {len(header)} field{'s' if len(header) > 1 else ''}"
    if any(is_known(column) for column in header if column.strip()):
        return f"{fields_found}: {listed(header)}. Rename or add what is missing."
    example = ",".join(("", features.USER, features.ISBN, features.RATING, features.GENRES))
    return f"{fields_found} and names none of them. Begin the file with the names of its columns, as in {example}"


def _renamed(fields: Sequence[str]) -> str:
    wanted = {column.lower() for column in features.RAW_FEATURES}
    return "" if wanted <= {field.strip().strip('"').lower() for field in fields} else ", and rename the columns"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
