"""`python -m data.import_json`: turns scraped reviews in JSON into the CSV that the pipeline reads."""

import argparse
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from core.errors import ConfigurationError, DataError
from core.exit_codes import with_exit_code
from data.json_records import Record, json_files, read_records
from data.reviews.csv_writer import HEADER, genres_cell, output_fault, quoted, rating_cell, replacing
from data.reviews.public_names import is_known, listed
from transform import features

# Keys of a scraped record. The first two are required.
USER: Final = "user_id"
TITLE: Final = "book_title"
STARS: Final = "stars"
GENRES: Final = "genres"
REQUIRED: Final = (USER, TITLE)

# The default key of each field.
FIELDS: Final[Mapping[str, str]] = {name: name for name in (USER, TITLE, STARS, GENRES)}

NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST_SHOWN: Final = 40
SHOWN_KEYS: Final = 30
RECORDS_LOOKED_AT: Final = 1000
MOST_DIGITS: Final = 40
LINES_AT_ONCE: Final = 10_000


@dataclass
class Counts:
    """Counts of an import."""

    reviews: int = 0
    unrated: int = 0
    without_user_or_title: int = 0
    """Rows that the pipeline will reject."""
    without_stars: int = 0
    """Records without the field, not even as null."""
    without_genres: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    """The keys of the first records, and the number of records with each key."""


class FieldError(Exception):
    """A field of a record cannot be used; the message says which, why, and the remedy."""


def import_json(sources: Iterable[Path], out: Path, names: Mapping[str, str] = FIELDS) -> Counts:
    """Writes the reviews of all `sources`, in order, to `out`, compressed if the name ends in `.gz`.

    Args:
      sources: JSON files, or folders of them.
      out: the CSV to write.
      names: the records' key for each of `FIELDS`.

    Raises:
      DataError: a source cannot be used or `out` cannot be written; an existing `out` stays as it was.
    """
    counts = Counts()
    files = json_files(sources)
    with replacing(out) as stream:
        lines = [HEADER]
        for file in files:
            for record in read_records(file):
                lines.append(_line(record, names, counts))
                if len(lines) == LINES_AT_ONCE:
                    stream.write("".join(lines).encode("utf-8", "replace"))
                    lines.clear()
        if not counts.reviews:
            raise DataError(f"{', '.join(map(str, files))}: no reviews. Name files with at least one.")
        for name, without in ((STARS, counts.without_stars), (GENRES, counts.without_genres)):
            if names[name] != name and without == counts.reviews:
                raise DataError(f"--field {name}={names[name]}: {_nowhere(names[name], counts)}. Name one of these.")
        stream.write("".join(lines).encode("utf-8", "replace"))
    return counts


def _nowhere(key: str, counts: Counts) -> str:
    """Returns a message that no record has `key`, with the keys that are known or that most records share.

    Any other key could be a user's name: some scrapes are objects keyed by user.
    """
    looked_at = min(counts.reviews, RECORDS_LOOKED_AT)
    found = [name for name, count in counts.keys.items() if is_known(name) or (count > 1 and 2 * count > looked_at)]
    others = len(counts.keys) - len(found)
    return (
        f"no record has {key!r}; the keys are {', '.join(map(_short, found[:SHOWN_KEYS])) or 'none that is known'}"
        + (f" and {others:,} more" if others else "")
    )


def _short(name: str) -> str:
    return repr(name if len(name) <= LONGEST_SHOWN else name[: LONGEST_SHOWN - 1] + "…")


def _line(record: Record, names: Mapping[str, str], counts: Counts) -> str:
    try:
        user, title, stars, genres = _fields(record.value, names)
    except FieldError as error:
        raise DataError(f"{record.file}: record {record.number} (line {record.line}): {error}") from error
    line = f"{counts.reviews},{quoted(user)},{quoted(title)},{rating_cell(stars)},{genres_cell(genres)}\n"
    if counts.reviews < RECORDS_LOOKED_AT:
        counts.keys.update(record.value.keys())
    counts.reviews += 1
    counts.without_stars += names[STARS] not in record.value
    counts.without_genres += names[GENRES] not in record.value
    counts.unrated += stars is None
    counts.without_user_or_title += not (user.strip() and title.strip())
    return line


def _fields(value: Any, names: Mapping[str, str]) -> tuple[str, str, float | None, list[str]]:
    if not isinstance(value, dict):
        raise FieldError(f"is {_kind(value)}, not an object. Write an object with {', '.join(REQUIRED)}.")
    missing = [names[name] for name in REQUIRED if names[name] not in value]
    if missing:
        raise FieldError(
            f"has no {' and no '.join(missing)}; its keys are {listed(list(value))}. Add what is missing, or name the "
            f"key that has it, as in --field {REQUIRED[0]}=KEY."
        )
    return (
        _text(USER, value[names[USER]]),
        _text(TITLE, value[names[TITLE]]),
        _stars(value.get(names[STARS])),
        _genres(value.get(names[GENRES])),
    )


def _text(key: str, value: Any) -> str:
    """Returns a user name or title. Null becomes empty text: the pipeline counts such rows and checks their share."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise FieldError(f"{key} is {_kind(value)}. Write a string or a number.")
    text = value if isinstance(value, str) else _digits(value)
    if "\0" in text:
        raise FieldError(f"{key} is {_kind(value)}, with a NUL character. Remove it.")
    return text


def _stars(value: Any) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    numeric = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if not numeric and not (isinstance(value, str) and NUMBER.fullmatch(value.strip())):
        raise FieldError(f"{STARS} is {_kind(value)}, which is not a number. {_stars_remedy()}")
    stars = float(value)
    if not (math.isfinite(stars) and features.RATING_MIN <= stars <= features.RATING_MAX):
        raise FieldError(f"{STARS} is {_kind(value)}, out of range. {_stars_remedy()}")
    return stars


def _stars_remedy() -> str:
    return f"Write {features.RATING_MIN:g} to {features.RATING_MAX:g}, or null for a review without."


def _genres(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [genre.strip() for genre in value.split(",") if genre.strip()]
    if not isinstance(value, list) or not all(isinstance(genre, str) for genre in value):
        raise FieldError(f"{GENRES} is {_kind(value)}. Write a list of strings, one string with commas, or null.")
    return value


def _digits(number: int | Decimal) -> str:
    """Returns a number as the text of an identifier: 276725.0 becomes 276725, and no digit is lost."""
    written_out = isinstance(number, int) or (number.adjusted() < MOST_DIGITS and number == number.to_integral_value())
    return str(int(number) if written_out else number)


def _kind(value: Any) -> str:
    """Returns a description of the value's type, never the value itself: it could be a name."""
    if isinstance(value, str):
        return f"text of {len(value):,} characters"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, bool):
        return str(value).lower()
    return {dict: "an object", type(None): "null"}.get(type(value), "a number")


def _names(fields: Sequence[str]) -> dict[str, str]:
    """Returns the key of each field, as `--field NAME=KEY` maps them."""
    names = dict(FIELDS)
    for text in fields:
        name, equals, key = text.partition("=")
        if name not in FIELDS or not equals or not key:
            raise ConfigurationError(f"--field {text}: write NAME=KEY, where NAME is one of {', '.join(FIELDS)}.")
        names[name] = key
    return names


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
    parser.add_argument(
        "--field",
        metavar="NAME=KEY",
        action="append",
        default=[],
        help=f"the key that the records have instead of {', '.join(FIELDS)}, as in {STARS}=rating; may be repeated",
    )
    flags = parser.parse_args(arguments)
    if fault := output_fault(flags.out):
        raise ConfigurationError(fault)
    names = _names(flags.field)
    counts = import_json(flags.sources, flags.out, names)
    rejected = counts.without_user_or_title
    print(
        f"{flags.out}: {counts.reviews:,} reviews, {counts.unrated:,} of them unrated"
        + (f"; {rejected:,} without a user or a title, which the pipeline will reject" if rejected else "")
    )
    for name, without in ((STARS, counts.without_stars), (GENRES, counts.without_genres)):
        if without == counts.reviews:
            print(f"warning: {_nowhere(name, counts)}. If one of them is it, say --field {name}=KEY.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
