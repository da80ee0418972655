"""Parses the text in one field of a review."""

import ast
import json
import math
import re
import warnings
from typing import Final, cast

WRONG_RATING: Final = math.nan

# The largest float32: ratings are stored as float32.
LARGEST_RATING: Final = 3.4028234663852886e38

# Genres are a few words; a longer list is a mistake.
MAX_GENRES_CHARACTERS: Final = 1 << 16

_SINGLE: Final = r"'[^'\\\n\r]*(?:\\[^\n\r][^'\\\n\r]*)*'"
_STRING: Final = re.compile(_SINGLE + "|" + _SINGLE.replace("'", '"'))
_SPACE: Final = r"[ \t\r\n]*"
_STRINGS: Final = re.compile(
    rf"\[{_SPACE}(?:(?:{_STRING.pattern}){_SPACE}(?:,{_SPACE}(?:{_STRING.pattern}){_SPACE})*(?:,{_SPACE})?)?\]"
)

_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]+,[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_rating(text: str) -> float | None:
    """Returns the number in `text`: None if it is blank, NaN if it is no number that 32 bits can hold."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return WRONG_RATING
    number = float(text)
    return number if abs(number) <= LARGEST_RATING else WRONG_RATING


def kind_of(text: str) -> str:
    """Returns a description of a field's text for messages, never the text itself: it could be a name."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return "a number that 32 bits cannot hold"
    if _DECIMAL_COMMA.fullmatch(stripped):
        return "a number with a decimal comma"
    lines = len(stripped.splitlines())
    return f"text of {len(stripped)} characters" + (f" on {lines} lines" if lines > 1 else "")


def parse_genres(text: str) -> list[str] | None:
    """Returns the genres in a list of strings in Python or JSON syntax; None if `text` is no such list.

    Blank text gives an empty list. Adjacent strings without a comma, as numpy prints them, are no list, although Python
    would join them. Nothing is evaluated, and the time is proportional to the length.
    """
    text = text.strip()
    if not text:
        return []
    if not text.startswith("[") or len(text) > MAX_GENRES_CHARACTERS or not _STRINGS.fullmatch(text):
        return None
    genres = [_string(token) for token in _STRING.findall(text)]
    return None if None in genres else cast(list[str], genres)


def _string(token: str) -> str | None:
    """Returns the text of a string literal; None if UTF-8 cannot hold it, as with half a surrogate pair."""
    if "\\" not in token:
        return token[1:-1]
    try:
        text = json.loads(token) if token.startswith('"') else _python_string(token)
    except ValueError:  # Python has escapes that JSON lacks.
        text = _python_string(token)
    try:
        return text if text is None or text.encode("utf-8") is not None else None
    except UnicodeEncodeError:
        return None


def _python_string(token: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's warning about an unknown escape would print the text.
            return str(ast.literal_eval(token))
    except (ValueError, SyntaxError):
        return None
