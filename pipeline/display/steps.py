"""The state of a run: steps done, running and ahead, and an estimate of the time left."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pipeline.display.activities import Activities

# Log message of TFX's local runner when a step starts or ends.
STEP_EVENT: Final = re.compile(r"^Component (\S+) is (running|finished)\.$")


class Steps:
    """State of a run, which the displays read."""

    def __init__(
        self, names: Sequence[str], last: Mapping[str, float], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Sets up a run before its first step.

        Args:
          names: the steps, in order.
          last: seconds of each step in the last run, if any.
          now: a clock in seconds.
        """
        self.names = list(names)
        self.last = dict(last)
        self.now = now
        self.taken: dict[str, float] = {}
        """Seconds of each step that is done."""
        self.current: str | None = None
        self.activities = Activities()
        self._step_began = self._run_began = now()

    def start(self, step: str) -> None:
        """Records the start of `step`."""
        self.current, self._step_began = step, self.now()

    def finish(self) -> tuple[str, float]:
        """Records the end of the running step, and returns its name and seconds."""
        step, seconds = self.current or "", self.elapsed()
        self.taken[step] = seconds
        self.current = None
        self.activities.clear()
        return step, seconds

    def elapsed(self) -> float:
        """Returns the seconds since the start of the running step."""
        return self.now() - self._step_began

    def run_elapsed(self) -> float:
        """Returns the seconds since this object was made."""
        return self.now() - self._run_began

    def left(self) -> float | None:
        """Returns the estimated seconds left in the run; None if the last run lacks one of the remaining steps.

        For the running step it takes the largest of the time left by the last run and by each of its activities.
        """
        if not all(step in self.last for step in self.names if step not in self.taken):
            return None
        ahead = sum(self.last[step] for step in self.names if step not in self.taken and step != self.current)
        if self.current is None:
            return ahead
        now = self.now()
        own = [activity.left(now) or 0.0 for activity in self.activities]
        return ahead + max(self.last[self.current] - self.elapsed(), *own, 0.0)

    def numbered(self, step: str) -> str:
        """Returns the name of `step` with its number and the number of steps: `[ 3/15] StatisticsGen`."""
        place = self.names.index(step) + 1 if step in self.names else 0
        return f"[{place:>2}/{len(self.names)}] {step}"
