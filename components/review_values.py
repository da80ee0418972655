"""What the text in one field of a review means."""

import ast
import json
import math
import re
import warnings
from typing import Final, cast

WRONG_RATING: Final = math.nan

# The largest float32, which is what a rating is kept in.
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
    """Returns the number that `text` is, None where it is blank, NaN where it is no number that 32 bits can hold."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return WRONG_RATING
    number = float(text)
    return number if abs(number) <= LARGEST_RATING else WRONG_RATING


def kind_of(text: str) -> str:
    """Says for a message what sort of text a field holds, and never the text: it could be a name."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return "a number that 32 bits cannot hold"
    if _DECIMAL_COMMA.fullmatch(stripped):
        return "a number with a decimal comma"
    lines = len(stripped.splitlines())
    return f"text of {len(stripped)} characters" + (f" on {lines} lines" if lines > 1 else "")


def parse_genres(text: str) -> list[str] | None:
    """Returns the genres that a list of strings, as Python or JSON writes it, names; None if it is none. Blank is none.

    Strings that stand side by side without a comma, which Python would join, are no list: numpy prints such ones.
    Nothing is evaluated, and the time is proportional to the length.
    """
    text = text.strip()
    if not text:
        return []
    if not text.startswith("[") or len(text) > MAX_GENRES_CHARACTERS or not _STRINGS.fullmatch(text):
        return None
    genres = [_string(token) for token in _STRING.findall(text)]
    return None if None in genres else cast(list[str], genres)


def _string(token: str) -> str | None:
    """Returns the text of a string literal; None if it has none that UTF-8 can hold, as half a surrogate pair."""
    if "\\" not in token:
        return token[1:-1]
    try:
        text = json.loads(token) if token.startswith('"') else _python_string(token)
    except ValueError:  # An escape that JSON has not, but Python.
        text = _python_string(token)
    try:
        return text if text is None or text.encode("utf-8") is not None else None
    except UnicodeEncodeError:
        return None


def _python_string(token: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of unknown escapes, and would print the text.
            return str(ast.literal_eval(token))
    except (ValueError, SyntaxError):
        return None
