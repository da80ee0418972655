"""Formats the figures of a run for the page. It rounds and adds units, and computes nothing."""

from datetime import datetime
from typing import Any, Final

UNKNOWN: Final = "—"
KIBI: Final = 1024


def number(value: float | None) -> str:
    """Returns a count with thousands separators: `12,345`; a fraction below 1,000 with three significant digits."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.3g}"


def score(value: float | None) -> str:
    """Returns a metric or a loss: `0.1974`; from 10 on with two decimals."""
    if value is None:
        return UNKNOWN
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def percent(value: float | None) -> str:
    """Returns a share as a percentage: `12.3 %`."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def duration(seconds: float | None) -> str:
    """Returns a duration: `0.42 s`, `7.1 s`, `2 min 05 s`, `3 h 02 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def milliseconds(value: float | None) -> str:
    """Returns a latency: `3.2 ms`."""
    return UNKNOWN if value is None else f"{value:,.1f} ms"


def memory(mebibytes: float | None) -> str:
    """Returns an amount of memory: `512 MiB`, `1.9 GiB`."""
    if mebibytes is None:
        return UNKNOWN
    return f"{mebibytes:,.0f} MiB" if round(mebibytes) < KIBI else f"{mebibytes / KIBI:,.1f} GiB"


def moment(text: str | None) -> str:
    """Returns `2026-01-31T12:00:00Z` as `31 January 2026, 12:00 UTC`."""
    if not text:
        return UNKNOWN
    found = _parsed(text)
    return f"{found.day} {found:%B %Y, %H:%M} UTC"


def day(text: str | None) -> str:
    """Returns `2026-01-31T12:00:00Z` in short form for a table: `31 Jan 2026 12:00`."""
    return f"{_parsed(text):%d %b %Y %H:%M}" if text else UNKNOWN


def sizes(low: float, high: float) -> str:
    """Returns the range from `low` to below `high`: `3`, `4 to 7`."""
    return number(low) if high - low <= 1 else f"{number(low)} to {number(high - 1)}"


def setting(value: Any) -> str:
    """Returns the value of a configuration field as text: `true`, `unset`, `a, b`."""
    if value is None or value == "":
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value) or "none"
    return str(value)


def _parsed(text: str) -> datetime:
    # Python 3.10 does not parse the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
