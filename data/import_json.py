"""`python -m data.import_json`: turns scraped reviews, JSON, into the CSV that the pipeline reads."""

import argparse
import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.json_records import Record, json_files, read_records
from data.reviews_csv import HEADER, genres_cell, output_fault, quoted, rating_cell, replacing
from transform import features
from transform.errors import ConfigurationError, DataError
from transform.exit_codes import with_exit_code

# Keys of a scraped record. The first two must be there.
USER: Final = "user_id"
TITLE: Final = "book_title"
STARS: Final = "stars"
GENRES: Final = "genres"
REQUIRED: Final = (USER, TITLE)

NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST_SHOWN: Final = 80
LINES_AT_ONCE: Final = 10_000


@dataclass
class Counts:
    """What an import has read."""

    reviews: int = 0
    unrated: int = 0
    without_user_or_title: int = 0
    """Rows that the pipeline will reject."""


class FieldError(Exception):
    """A field of a record cannot be used; the message says which, why, and the remedy."""


def import_json(sources: Iterable[Path], out: Path) -> Counts:
    """Writes the reviews of all `sources`, in order, to `out`, packed if the name ends in `.gz`.

    Raises:
      DataError: a source cannot be used or `out` cannot be written; what was there before still is.
    """
    counts = Counts()
    files = json_files(sources)
    with replacing(out) as stream:
        lines = [HEADER]
        for file in files:
            for record in read_records(file):
                lines.append(_line(record, counts))
                if len(lines) == LINES_AT_ONCE:
                    stream.write("".join(lines).encode("utf-8", "replace"))
                    lines.clear()
        if not counts.reviews:
            raise DataError(f"{', '.join(map(str, files))}: no reviews. Name files with at least one.")
        stream.write("".join(lines).encode("utf-8", "replace"))
    return counts


def _line(record: Record, counts: Counts) -> str:
    try:
        user, title, stars, genres = _fields(record.value)
    except FieldError as error:
        raise DataError(f"{record.file}: record {record.number} (line {record.line}): {error}") from error
    line = f"{counts.reviews},{quoted(user)},{quoted(title)},{rating_cell(stars)},{genres_cell(genres)}\n"
    counts.reviews += 1
    counts.unrated += stars is None
    counts.without_user_or_title += not (user.strip() and title.strip())
    return line


def _fields(value: Any) -> tuple[str, str, float | None, list[str]]:
    if not isinstance(value, dict):
        raise FieldError(f"is {_shown(value)}, not an object. Write an object with {', '.join(REQUIRED)}.")
    missing = [key for key in REQUIRED if key not in value]
    if missing:
        raise FieldError(f"has no {' and no '.join(missing)}; its keys are {_shown(list(value))}. Add what is missing.")
    return (
        _text(USER, value[USER]),
        _text(TITLE, value[TITLE]),
        _stars(value.get(STARS)),
        _genres(value.get(GENRES)),
    )


def _text(key: str, value: Any) -> str:
    """Returns a name or title. Null becomes empty text: the pipeline counts such rows and judges their share."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FieldError(f"{key} is {_shown(value)}. Write a string or a number.")
    text = str(value)
    if "\0" in text:
        raise FieldError(f"{key} is {_shown(value)}, with a NUL character. Remove it.")
    return text


def _stars(value: Any) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not numeric and not (isinstance(value, str) and NUMBER.fullmatch(value.strip())):
        raise FieldError(f"{STARS} is {_shown(value)}, which is not a number. {_stars_remedy()}")
    stars = float(value)
    if not (math.isfinite(stars) and features.RATING_MIN <= stars <= features.RATING_MAX):
        raise FieldError(f"{STARS} is {_shown(value)}, out of range. {_stars_remedy()}")
    return stars


def _stars_remedy() -> str:
    return f"Write {features.RATING_MIN:g} to {features.RATING_MAX:g}, or null for a review without."


def _genres(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [genre.strip() for genre in value.split(",") if genre.strip()]
    if not isinstance(value, list) or not all(isinstance(genre, str) for genre in value):
        raise FieldError(f"{GENRES} is {_shown(value)}. Write a list of strings, one string with commas, or null.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


@with_exit_code()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 0, or 2 if a source or the output cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m data.import_json",
        description="Turn scraped reviews, JSON, into the CSV that the pipeline reads.",
    )
    parser.add_argument(
        "sources", metavar="SRC", nargs="+", type=Path, help="a JSON file, an array or lines, or a folder; .gz or not"
    )
    parser.add_argument("--out", metavar="FILE", required=True, type=Path, help="the CSV to write: .csv or .csv.gz")
    flags = parser.parse_args(arguments)
    if fault := output_fault(flags.out):
        raise ConfigurationError(fault)
    counts = import_json(flags.sources, flags.out)
    rejected = counts.without_user_or_title
    print(
        f"{flags.out}: {counts.reviews:,} reviews, {counts.unrated:,} of them unrated"
        + (f"; {rejected:,} without a user or a title, which the pipeline will reject" if rejected else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
