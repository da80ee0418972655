"""The activities of the running step: their progress, and estimates of the time left."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.filesize import decimal

from core.progress import Advance

_BYTES: Final = "bytes"


@dataclass(eq=False)
class Activity:
    """An activity with a known total. An activity that starts again is a new object."""

    name: str
    total: float
    unit: str
    began: float
    """Time of the first report, in seconds of the same clock as `advanced`."""

    done_at_first: float
    done: float
    advanced: float

    def further(self, by: float, now: float) -> None:
        """Adds `by` to the amount done."""
        self.done = min(self.done + by, self.total)
        self.advanced = now

    def share(self) -> float:
        """Returns the share done, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def left(self, now: float) -> float | None:
        """Returns the estimated seconds left at the rate so far; None before the first progress."""
        counted = self.done - self.done_at_first
        if counted <= 0:
            return None
        each = (self.advanced - self.began) / counted
        return max(each * (self.total - self.done) - (now - self.advanced), 0.0)

    def amount(self) -> str:
        """Returns the amount done and the total as text."""
        if self.unit == _BYTES:
            return f"{decimal(int(self.done))} of {decimal(int(self.total))}"
        return f"{self.done:,.0f} of {self.total:,.0f} {self.unit}"


class Activities:
    """The open activities of one step, in order of their start."""

    def __init__(self) -> None:
        self._open: dict[str, Activity] = {}

    def __iter__(self) -> Iterator[Activity]:
        """Yields the open activities. Others may begin or end during the iteration."""
        return iter(list(self._open.values()))

    def observe(self, told: Advance, now: float) -> Activity | None:
        """Records an advance, and returns its activity; None if the activity has ended."""
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
        """Removes all activities, because the step has ended."""
        self._open.clear()


def clock(seconds: float) -> str:
    """Returns a duration as `0:41`, `12:05` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
