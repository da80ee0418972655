"""What the running step is doing, how far it has come, and how long the rest is likely to take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.filesize import decimal

from transform.progress import Advance

_BYTES: Final = "bytes"


@dataclass(eq=False)
class Activity:
    """Something of which the total is known. What begins anew is another one."""

    name: str
    total: float
    unit: str
    began: float
    """When it was first heard of, in seconds of a clock; `advanced` is of the same."""

    done_at_first: float
    done: float
    advanced: float

    def further(self, by: float, now: float) -> None:
        """Notes that `by` more is done."""
        self.done = min(self.done + by, self.total)
        self.advanced = now

    def share(self) -> float:
        """Returns how much of it is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def left(self, now: float) -> float | None:
        """Returns the seconds that the rest takes at the rate until now; None while nothing says so."""
        counted = self.done - self.done_at_first
        if counted <= 0:
            return None
        each = (self.advanced - self.began) / counted
        return max(each * (self.total - self.done) - (now - self.advanced), 0.0)

    def amount(self) -> str:
        """Returns how much is done, of how much."""
        if self.unit == _BYTES:
            return f"{decimal(int(self.done))} of {decimal(int(self.total))}"
        return f"{self.done:,.0f} of {self.total:,.0f} {self.unit}"


class Activities:
    """Those of one step that have begun and not ended, in the order in which they began."""

    def __init__(self) -> None:
        self._open: dict[str, Activity] = {}

    def __iter__(self) -> Iterator[Activity]:
        """Yields them; others may begin or end meanwhile."""
        return iter(list(self._open.values()))

    def observe(self, told: Advance, now: float) -> Activity | None:
        """Takes note of what was told. Returns what goes on; None if it has ended."""
        if told.over:
            self._open.pop(told.activity, None)
            return None
        known = self._open.get(told.activity)
        if known is None or told.begins:
            known = Activity(told.activity, told.total, told.unit, now, told.by, min(told.by, told.total), now)
            self._open[told.activity] = known
        else:
            known.further(told.by, now)
        return known

    def clear(self) -> None:
        """Forgets all: the step has ended."""
        self._open.clear()


def clock(seconds: float) -> str:
    """Returns a duration as `0:41`, `12:05` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
