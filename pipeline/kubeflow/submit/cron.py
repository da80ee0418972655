"""Validates cron expressions and converts them to the format of Kubeflow Pipelines.

Its parser (robfig/cron 1) takes six fields, seconds first, and the last one is optional. So it would silently misread
the five fields of a crontab as other times. https://pkg.go.dev/github.com/robfig/cron#hdr-CRON_Expression_Format
"""

import re
from typing import Final, NamedTuple

_SHORTHANDS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY: Final = re.compile(r"@every (?=\d)(\d+h)?(\d+m)?(\d+s)?")
_DAYS_OF_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    _Field("day of the week", 0, 6, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)


def six_fields(expression: str) -> str:
    """Returns `expression` with six fields: a crontab's five fields get a second 0 in front. Shorthands stay unchanged.

    Args:
      expression: `second minute hour day month weekday`, the same without the second, or a shorthand such as `@daily`.

    Raises:
      ValueError: the expression is invalid, or its time never comes.
    """
    words = expression.split()
    text = " ".join(words)
    if text.startswith("@"):
        if text in _SHORTHANDS or (_EVERY.fullmatch(text) and re.search("[1-9]", text)):
            return text
        raise ValueError(f"must be one of {', '.join(_SHORTHANDS)}, or @every with a duration such as 1h30m")
    if len(words) not in (5, 6):
        raise ValueError(
            f"has {len(words)} fields, and there must be six (second minute hour day month weekday) or a crontab's five"
        )
    fields = words if len(words) == 6 else ["0", *words]
    values = [_values(text, field) for text, field in zip(fields, _FIELDS, strict=True)]
    _, _, _, days, months, _ = values
    any_weekday = fields[5][0] in "*?"
    if any_weekday and not any(day <= _DAYS_OF_MONTHS[month - 1] for day in days for month in months):
        raise ValueError("never comes: no such month has such a day")
    return " ".join(fields)


def _values(text: str, field: _Field) -> set[int]:
    """Returns the values of a field's text."""
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if "/" in part and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise ValueError(f"{field.name} {part}: the step after / must be a number above 0")
        if span in ("*", "?"):
            first, last = field.first, field.last
        else:
            low, dash, high = span.partition("-")
            first = _number(low, field)
            last = _number(high, field) if dash else field.last if step else first
        if first > last:
            raise ValueError(f"{field.name} {part}: begins after its end")
        values.update(range(first, last + 1, int(step or 1)))
    return values


def _number(text: str, field: _Field) -> int:
    if text.upper() in field.names:
        return field.first + field.names.index(text.upper())
    if not (text.isascii() and text.isdigit() and field.first <= int(text) <= field.last):
        names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise ValueError(f"{field.name} {text or 'without a value'}: must be {field.first} to {field.last}{names}")
    return int(text)
