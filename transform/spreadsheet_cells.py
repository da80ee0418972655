"""Cells of CSV files that people open in a spreadsheet, which would take some texts for formulas and run them.

A title such as `=HYPERLINK(…)` comes from outside, and the file is opened by someone who trusts it. The OWASP names the
characters, and the remedy: https://owasp.org/www-community/attacks/CSV_Injection
"""

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (as wide ones)
"""What a cell begins with that is taken for a formula; some spreadsheets take the wide characters for the same."""

MARK: Final = "'"
"""Spreadsheets take a cell that begins with it for text."""


def as_cell(text: str, safe: bool = True) -> str:
    """Returns `text` with `MARK` in front where a spreadsheet would run it.

    Args:
      text: any text that came from outside; a number is none, and `-0.5` stays one.
      safe: False: for programs, which want the text as it is.
    """
    return f"{MARK}{text}" if safe and text.startswith(FORMULA_STARTS) else text
