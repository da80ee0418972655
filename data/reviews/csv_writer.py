"""Writes the CSV of reviews for the data tools: quoting, cells, and a file that appears whole or not at all."""

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from core.errors import DataError
from storage import output_files
from transform import features

# The unnamed index column comes first, as pandas writes it.
COLUMNS: Final = ("", features.USER, features.ISBN, features.RATING, features.GENRES)
HEADER: Final = ",".join(COLUMNS) + "\n"

SUFFIXES: Final = (".csv", ".csv.gz")
PACKED_SUFFIX: Final = ".gz"
COMPRESSION_LEVEL: Final = 6


def quoted(text: str) -> str:
    """Returns `text` as a CSV cell: in quotes if it has a comma, a quote or a line break, else as it is."""
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def rating_cell(stars: float | None) -> str:
    """Returns the shortest text of a rating (`4`, `3.5`); empty if there is none."""
    if stars is None:
        return ""
    # Adding zero turns -0.0 into 0.0.
    return repr(float(stars) + 0.0).removesuffix(".0")


def genres_cell(genres: Sequence[str]) -> str:
    """Returns genres as a quoted cell with a Python list; empty if there are none."""
    return quoted(repr(list(genres))) if genres else ""


def output_fault(path: Path) -> str:
    """Returns why `path` cannot be written as a CSV of reviews, with the remedy; empty if it can."""
    if not path.name.lower().endswith(SUFFIXES):
        return f"--out {path}: is neither a {' nor a '.join(SUFFIXES)} file. Give the name one of these endings."
    if path.is_dir():
        return f"--out {path}: is a folder. Name a file."
    if not path.parent.is_dir():
        return f"--out {path}: there is no folder {path.parent}. Make it, or name another one."
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"--out {path}: the folder {path.parent} cannot be written. Name one that can."
    return ""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Opens a stream that replaces `path` when the block ends. If the block raises, `path` stays as it was.

    If the name ends in `.gz`, the bytes are compressed. The compressed file holds neither a time nor a name, so the
    same content gives the same bytes.

    Args:
      path: the file to write; its folder exists.

    Yields:
      A binary stream that takes uncompressed bytes.

    Raises:
      DataError: the file cannot be written.
    """
    try:
        with output_files.replacing(path) as beside, beside.open("wb") as file:
            if path.name.lower().endswith(PACKED_SUFFIX):
                with gzip.GzipFile(
                    filename="", mode="wb", compresslevel=COMPRESSION_LEVEL, fileobj=file, mtime=0
                ) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
    except OSError as error:
        raise DataError(
            f"--out {path}: cannot be written ({error.strerror or error}). Free some space or name another file."
        ) from error
