"""Text from outside reaches a terminal whole, and steers nothing on it."""

import io
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from core.errors import DataError
from core.exit_codes import with_exit_code
from core.terminal_text import PlainConsole, visible, visible_json

HOSTILE = {
    "[/audio]": "[/audio]",
    "[electronic resource]": "[electronic resource]",
    "[bold red]x[/]": "[bold red]x[/]",
    ":smile: :warning:": ":smile: :warning:",
    "\x1b[31mred": "\\x1b[31mred",
    "\x9b31mred": "\\x9b31mred",
    "bell\a back\b return\r": "bell\\x07 back\\x08 return\\r",
    "left\u202eright": "left\\u202eright",
    "joined\u200bwords": "joined\\u200bwords",
    "\udcff": "\\udcff",
    "=cmd|' /C calc'!A0": "=cmd|' /C calc'!A0",
    "Les Misérables, 日本, می‌خواهم": "Les Misérables, 日本, می‌خواهم",
    "👩‍🚀": "👩‍🚀",
    "tab\tand\nline": "tab\tand\nline",
    string.punctuation: string.punctuation,
}


def shown(*cells: str) -> str:
    """What a terminal gets of a table with these cells, and of a line for each."""
    terminal = io.StringIO()
    console = PlainConsole(file=terminal, force_terminal=True, color_system=None, width=300)
    table = Table("book", box=None, show_header=False)
    for cell in cells:
        table.add_row(cell)
        console.print(cell)
    console.print(table)
    return terminal.getvalue()


@pytest.mark.parametrize(("text", "expected"), HOSTILE.items(), ids=map(ascii, HOSTILE))
def test_text_is_shown_as_it_is_and_what_steers_a_terminal_as_an_escape(text: str, expected: str) -> None:
    assert visible(text) == expected
    if not {"\n", "\t"} & set(text):
        assert shown(text).count(expected) == 2


@given(st.text(st.characters(), max_size=30))
def test_nothing_that_is_shown_steers_and_nothing_is_lost(text: str) -> None:
    seen = visible(text)
    assert not [
        character
        for character in seen
        if not character.isprintable() and character.isascii() and character not in "\t\n"
    ]
    assert "\x1b" not in shown(text)
    assert [character for character in seen if not character.isascii()] == [
        character for character in text if not character.isascii() and visible(character) == character
    ]
    assert visible(seen) == seen


@given(st.text(st.characters(), max_size=30))
def test_json_stays_the_same_document(text: str) -> None:
    document = visible_json(json.dumps({"isbn": text}, ensure_ascii=False))
    assert json.loads(document) == {"isbn": text}
    assert visible(document) == document


def test_an_error_message_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    @with_exit_code()
    def main() -> int:
        raise DataError("the server says \x1b]0;owned\a")

    assert main() == 2
    assert capsys.readouterr().err == "error: the server says \\x1b]0;owned\\x07\n"
