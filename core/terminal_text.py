"""Shows text from outside on a terminal, with control characters escaped.

Titles, file names and server messages may hold anything. rich reads `[bold]` as markup and `:smile:` as an
emoji, and a terminal obeys an escape sequence.
"""

import errno
import json
import os
from collections.abc import Callable
from typing import Any, Final
from unicodedata import category

from rich.console import Console
from rich.text import Text

_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control and format characters, lone surrogates, and separators of lines and paragraphs."""

_KEPT: Final = "\t\n\u200c\u200d"
"""Characters of these categories that stay: Persian words and composed emojis need the joiners."""


def visible(text: str) -> str:
    r"""Returns `text` with each character that a terminal obeys or hides as a Python escape, such as `\x1b`."""
    return _escaped(text, lambda character: repr(character)[1:-1])


def visible_json(text: str) -> str:
    r"""Returns the JSON document `text` with the same characters as JSON escapes, such as `\u202e`."""
    return _escaped(text, lambda character: json.dumps(character)[1:-1])


def one_line(text: str, width: int = 80) -> str:
    """Returns `text`, escaped by `visible`, on one line of at most `width` characters."""
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"


class PlainConsole(Console):
    """A console that prints every string as plain text: no markup, no emoji codes, no control characters."""

    def __init__(self, **settings: Any):
        """Takes the settings of rich's console."""
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **settings})

    def render_str(self, text: str, **settings: Any) -> Text:
        """Returns `text`, escaped by `visible`. rich calls this for cells and titles of tables, too."""
        return super().render_str(visible(text), **settings)

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, so that the program decides how it ends when its output pipe is closed."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    if text.isprintable():
        return text
    return "".join(
        escape(character) if category(character) in _UNSEEN and character not in _KEPT else character
        for character in text
    )
