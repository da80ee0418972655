"""The CSV of reviews as the data tools write it: quoting, cells, and a file that appears whole or not at all."""

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from transform import features, output_files
from transform.errors import DataError

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
    """Returns a rating as short as it can be written (`4`, `3.5`); empty if there is none."""
    if stars is None:
        return ""
    # Adding zero turns -0.0 into 0.0.
    return repr(float(stars) + 0.0).removesuffix(".0")


def genres_cell(genres: Sequence[str]) -> str:
    """Returns genres as a quoted cell with a list as Python writes it; empty if there are none."""
    return quoted(repr(list(genres))) if genres else ""


def output_fault(path: Path) -> str:
    """Returns what keeps `path` from being written as a CSV of reviews, with the remedy; empty if nothing does."""
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
    """Opens a stream that becomes `path` when the block ends, and leaves `path` as it was if the block raises.

    With a name that ends in `.gz` the bytes are packed. Neither a time nor a name goes into the packed file, so the
    same content gives the same bytes.

    Args:
      path: the file to write; its folder exists.

    Yields:
      A binary stream that takes unpacked bytes.

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
