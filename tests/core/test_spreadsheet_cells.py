"""What a spreadsheet would run stays a text, and everything else stays as it is."""

import pytest

from core.spreadsheet_cells import FORMULA_STARTS, as_cell


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_what_would_be_run_is_marked_as_text_unless_a_program_reads_it(start: str) -> None:
    for text in (start, f"{start}cmd|' /C calc'!A0", f"{start}1"):
        assert as_cell(text) == f"'{text}"
        assert as_cell(text, safe=False) == text


@pytest.mark.parametrize("text", ["", " ", "Dune", "'tis", "a=b", "1-2", " =1", "#N/A", "007", "\u00e9"])
def test_all_else_stays_as_it_is(text: str) -> None:
    assert as_cell(text) == text


def test_a_marked_text_is_not_marked_again() -> None:
    assert as_cell(as_cell("=1")) == "'=1"
