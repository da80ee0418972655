"""What the text in one field of a review means."""

import ast
import math
import re
import warnings
from typing import Final

WRONG_RATING: Final = math.nan

# The largest float32, which is what a rating is kept in.
LARGEST_RATING: Final = 3.4028234663852886e38

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_rating(text: str) -> float | None:
    """Returns the number that `text` is, None where it is blank, NaN where it is no number that 32 bits can hold."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return WRONG_RATING
    number = float(text)
    return number if abs(number) <= LARGEST_RATING else WRONG_RATING


def parse_genres(text: str) -> list[str] | None:
    """Returns the genres that a Python-list literal names, without evaluating it; None if it is none. Blank is none."""
    text = text.strip()
    if not text:
        return []
    if not text.startswith("["):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of unknown escapes, and would print the text.
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) and all(_is_text(item) for item in value) else None


def _is_text(item: object) -> bool:
    """Returns whether `item` is a string that UTF-8 can hold: an escaped half of a surrogate pair is not."""
    try:
        return isinstance(item, str) and item.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False
