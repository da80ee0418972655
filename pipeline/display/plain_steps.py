"""Display of a run as lines of text, for output other than a terminal: a file, a pipe, a log."""

import math
from collections.abc import Callable
from typing import Final

from pipeline.display.activities import Activity, clock
from pipeline.display.steps import Steps

INDENT: Final = " " * 9

# An activity gets a line after `_SECONDS` if at least `_SHARE` more is done, and after `_MOST_SECONDS` in any case.
_SECONDS: Final = 10.0
_SHARE: Final = 0.1
_MOST_SECONDS: Final = 60.0


class ActivityLines:
    """Writes a progress line of an activity from time to time. Short activities get none."""

    def __init__(self, write: Callable[[str], None]):
        """Sets up the lines of a step.

        Args:
          write: function that writes a line.
        """
        self._write = write
        self._last_line = -math.inf
        self._said: dict[Activity, float] = {}

    def advanced(self, activity: Activity, now: float) -> None:
        """Writes a line if one is due."""
        share, waited = activity.share(), now - max(activity.began, self._last_line)
        more = share - self._said.get(activity, 0.0)
        if waited < _SECONDS or (waited < _MOST_SECONDS and more < _SHARE):
            return
        self._last_line, self._said[activity] = now, share
        left = activity.left(now)
        rest = f", about {clock(left)} left" if left is not None else ""
        self._write(f"{activity.name}: {share:.0%}, {activity.amount()}{rest}")


class PlainSteps:
    """Writes a line when a step starts and when it ends, and messages and progress in between."""

    def __init__(self, write: Callable[[str], None], steps: Steps):
        """Sets up the display.

        Args:
          write: function that writes a line.
          steps: state of the run.
        """
        self._write, self._steps = write, steps
        self._lines = ActivityLines(self.message)

    def start(self, step: str) -> None:
        """Writes that `step` starts, and its duration in the last run."""
        last = self._steps.last.get(step)
        expected = "" if last is None else f" (last time {last:.1f} s)"
        self._lines = ActivityLines(self.message)
        self._write(f"{self._steps.numbered(step)} ...{expected}")

    def message(self, text: str) -> None:
        """Writes a message of a component."""
        self._write("\n".join(f"{INDENT}{line}" for line in text.splitlines()))

    def advanced(self, activity: Activity) -> None:
        """Writes the progress of `activity` if a line is due."""
        self._lines.advanced(activity, self._steps.now())

    def finish(self, step: str, seconds: float) -> None:
        """Writes the duration of `step`."""
        self._write(f"{self._steps.numbered(step)}: {seconds:.1f} s")

    def close(self) -> None:
        """Ends the display."""
