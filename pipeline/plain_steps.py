"""A run as lines of text, for what is no terminal: a file, a pipe, a scheduler's log, a container's."""

import math
from collections.abc import Callable
from typing import Final

from pipeline.activities import Activity, clock
from pipeline.steps import Steps

INDENT: Final = " " * 9

# A line about an activity comes when this much time has passed and this much more is done, or when the longer time has.
_SECONDS: Final = 10.0
_SHARE: Final = 0.1
_MOST_SECONDS: Final = 60.0


class ActivityLines:
    """Says now and then, in one line, how far an activity has come. What is soon over is not mentioned."""

    def __init__(self, write: Callable[[str], None]):
        """Sets up the lines of a step.

        Args:
          write: gets each line.
        """
        self._write = write
        self._last_line = -math.inf
        self._said: dict[Activity, float] = {}

    def advanced(self, activity: Activity, now: float) -> None:
        """Writes a line if the time has come for one."""
        share, waited = activity.share(), now - max(activity.began, self._last_line)
        more = share - self._said.get(activity, 0.0)
        if waited < _SECONDS or (waited < _MOST_SECONDS and more < _SHARE):
            return
        self._last_line, self._said[activity] = now, share
        left = activity.left(now)
        rest = f", about {clock(left)} left" if left is not None else ""
        self._write(f"{activity.name}: {share:.0%}, {activity.amount()}{rest}")


class PlainSteps:
    """A line when a step begins and one when it ends; between them, messages and how far it has come."""

    def __init__(self, write: Callable[[str], None], steps: Steps):
        """Sets up the display.

        Args:
          write: gets each line.
          steps: where the run stands.
        """
        self._write, self._steps = write, steps
        self._lines = ActivityLines(self.message)

    def start(self, step: str) -> None:
        """Says that `step` begins, and how long it took last time."""
        last = self._steps.last.get(step)
        expected = "" if last is None else f" (last time {last:.1f} s)"
        self._lines = ActivityLines(self.message)
        self._write(f"{self._steps.numbered(step)} ...{expected}")

    def message(self, text: str) -> None:
        """Shows what a component tells."""
        self._write("\n".join(f"{INDENT}{line}" for line in text.splitlines()))

    def advanced(self, activity: Activity) -> None:
        """Says how far `activity` has come, if it is time."""
        self._lines.advanced(activity, self._steps.now())

    def finish(self, step: str, seconds: float) -> None:
        """Says that `step` has ended."""
        self._write(f"{self._steps.numbered(step)}: {seconds:.1f} s")

    def close(self) -> None:
        """Ends the display."""
