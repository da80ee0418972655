"""Cells of CSV files that people open in a spreadsheet, which would run some texts as formulas.

A title such as `=HYPERLINK(…)` comes from outside, and the person who opens the file trusts it. The OWASP lists the
characters and the remedy: https://owasp.org/www-community/attacks/CSV_Injection
"""

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (as wide ones)
"""First characters of a cell that spreadsheets run as a formula; some accept the wide characters, too."""

MARK: Final = "'"
"""Spreadsheets treat a cell that begins with it as text."""


def as_cell(text: str, safe: bool = True) -> str:
    """Returns `text`, with `MARK` in front if a spreadsheet would run it.

    Args:
      text: any text from outside. Numbers need no mark: `-0.5` must stay a number.
      safe: False returns the text as it is, for programs.
    """
    return f"{MARK}{text}" if safe and text.startswith(FORMULA_STARTS) else text
