"""Detects rows that a lost quote has joined although their form follows RFC 4180.

`1,ann,"Dune,5,` and `2,bob,It",4,` on the next line are one record with a title of two lines: `Dune,5,` and `2,bob,It`.
Its form is valid, but its title contains a user's name. The text around the line end reveals the join: before it are
the fields that should follow the title, after it the fields with which a row begins.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from data.reviews.values import parse_genres, parse_rating
from transform import features

_LINE_ENDS: Final = ("\n", "\r")

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def joining(values: pa.Array, column: int, header: Sequence[str]) -> list[int]:
    """Returns the numbers of the rows in which the value of column number `column` joins two rows."""
    first, second = (pc.match_substring(values, end) for end in _LINE_ENDS)
    candidates = pc.indices_nonzero(pc.or_(first, second))
    texts = values.take(candidates).to_pylist()
    return [row for row, text in zip(candidates.to_pylist(), texts, strict=True) if joins_rows(text, column, header)]


def joins_rows(value: str, column: int, header: Sequence[str]) -> bool:
    """Returns True if a value reads as the end of one row, a line end, and the beginning of another row.

    Args:
      value: the text between the quotes.
      column: the number of its column.
      header: the names of all columns.
    """
    lines = _LINE_END.split(value)
    after, before = header[column + 1 :], header[:column]
    ending, beginning = lines[0].split(",")[1:], lines[-1].split(",")
    if len(lines) == 1 or len(ending) < len(after) or len(beginning) <= len(before):
        return False
    around = dict(zip(after, ending[len(ending) - len(after) :], strict=True))
    around |= dict(zip(before, beginning, strict=False))
    return (
        _is_rating(around[features.RATING])
        and parse_genres(around.get(features.GENRES, "")) is not None
        and all(around.get(name, "a name").strip() for name in (features.USER, features.ISBN))
    )


def _is_rating(text: str) -> bool:
    number = parse_rating(text)
    return number is None or not math.isnan(number)
