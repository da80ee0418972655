from typing import Any

import pytest

from report.page import formatting


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("number", 0, "0"),
        ("number", 1733561, "1,733,561"),
        ("number", 3.757862, "3.76"),
        ("number", 2331.8, "2,332"),
        ("number", None, "—"),
        ("score", 0.23400880268073726, "0.2340"),
        ("score", 354.74859619140625, "354.75"),
        ("score", None, "—"),
        ("percent", 0.25773326572008115, "25.8 %"),
        ("percent", None, "—"),
        ("duration", 0.0, "0.00 s"),
        ("duration", 0.42, "0.42 s"),
        ("duration", 7.06, "7.1 s"),
        ("duration", 59.94, "59.9 s"),
        ("duration", 59.96, "1 min 00 s"),
        ("duration", 3599.7, "1 h 00 min"),
        ("duration", 125, "2 min 05 s"),
        ("duration", 10_920, "3 h 02 min"),
        ("duration", None, "—"),
        ("milliseconds", 1.1145739999847137, "1.1 ms"),
        ("memory", 744.0703125, "744 MiB"),
        ("memory", 1023.7, "1.0 GiB"),
        ("memory", 1945.6, "1.9 GiB"),
        ("moment", "2026-01-31T12:00:00Z", "31 January 2026, 12:00 UTC"),
        ("moment", None, "—"),
        ("day", "2026-01-31T12:00:00Z", "31 Jan 2026 12:00"),
        ("setting", None, "unset"),
        ("setting", True, "true"),
        ("setting", [0.1, 0.15], "0.1, 0.15"),
        ("setting", [], "none"),
        ("setting", 5.0, "5.0"),
    ],
)
def test_a_figure_is_written_for_people(form: str, value: Any, expected: str) -> None:
    assert getattr(formatting, form)(value) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(1, 2, "1"), (2, 4, "2 to 3"), (1024, 2048, "1,024 to 2,047")])
def test_sizes_are_written_as_whole_numbers(low: float, high: float, expected: str) -> None:
    assert formatting.sizes(low, high) == expected
