"""The steps of a run: which are done, which one runs, what is to come, and how long that is likely to take."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pipeline.activities import Activities

# How TFX's local runner says where it is.
STEP_EVENT: Final = re.compile(r"^Component (\S+) is (running|finished)\.$")


class Steps:
    """Where a run stands. Nothing here is shown; displays read it."""

    def __init__(
        self, names: Sequence[str], last: Mapping[str, float], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Sets up a run in which nothing has begun.

        Args:
          names: the steps, in their order.
          last: seconds that they took in the last run, where there was one.
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
        """Notes that `step` runs."""
        self.current, self._step_began = step, self.now()

    def finish(self) -> tuple[str, float]:
        """Notes that the running step is done. Returns it, and its seconds."""
        step, seconds = self.current or "", self.elapsed()
        self.taken[step] = seconds
        self.current = None
        self.activities.clear()
        return step, seconds

    def elapsed(self) -> float:
        """Returns the seconds that the running step has taken."""
        return self.now() - self._step_began

    def run_elapsed(self) -> float:
        """Returns the seconds since the first step could begin."""
        return self.now() - self._run_began

    def left(self) -> float | None:
        """Returns the seconds until the last step is done; None if the last run does not know every step.

        Of the running step's own activities the slowest counts, if it takes longer than is left by the last run.
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
        """Returns the name of `step` with its place among all."""
        place = self.names.index(step) + 1 if step in self.names else 0
        return f"[{place:>2}/{len(self.names)}] {step}"
