"""The steps of a run: start, end, time and memory of each."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.scale.watched_process import WatchedRun

START: Final = "start, imports"
END: Final = "end"
WHOLE: Final = "whole"

# Log format with time stamps, and the message of TFX's local runner when a step starts or ends.
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_EVENT: Final = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \S+ \S+ Component (\S+) is (running|finished)\.$"
)


class Step(NamedTuple):
    """A step with its start and end in seconds since the epoch."""

    name: str
    started: float
    ended: float


def steps_of_log(lines: Iterable[str]) -> list[Step]:
    """Returns the finished steps in a log of TFX's local runner."""
    running: dict[str, float] = {}
    steps = []
    for line in lines:
        if event := _EVENT.match(line):
            at = datetime.fromisoformat(event[1]).timestamp() + int(event[2]) / 1000
            if event[4] == "running":
                running[event[3]] = at
            elif event[3] in running:
                steps.append(Step(event[3], running.pop(event[3]), at))
    return steps


def steps_of_json(lines: Iterable[str]) -> list[Step]:
    """Returns the steps that a script has printed by `told`, and ignores other lines."""
    found = []
    for line in lines:
        if line.startswith('{"step": '):
            told_of = json.loads(line)
            found.append(Step(told_of["step"], told_of["started"], told_of["ended"]))
    return found


def told(step: Step) -> str:
    """Returns the line that a script prints for a step."""
    return json.dumps({"step": step.name, "started": step.started, "ended": step.ended})


def measured(steps: Sequence[Step], run: WatchedRun, rows: int) -> list[dict[str, Any]]:
    """Returns time and memory of each step, of the time before and after the steps, and of the whole run.

    Args:
      steps: consecutive steps. Empty: only the whole run is returned.
      run: the run of these steps.
      rows: number of reviews, for `rows_per_second`.
    """
    around = (
        [Step(START, run.started, steps[0].started), *steps, Step(END, steps[-1].ended, run.ended)] if steps else []
    )
    every = [*around, Step(WHOLE, run.started, run.ended)]
    times = np.array([run.started, *(sample.at for sample in run.samples)])
    # The CPU seconds of an ended child are missing until its parent collects it.
    used = np.maximum.accumulate([0, *(sample.cpu_seconds for sample in run.samples)])
    used[:-1] = np.minimum(used[:-1], run.samples[-1].cpu_seconds)
    found = []
    for step in every:
        seconds = step.ended - step.started
        cpu_started, cpu_ended = np.interp([step.started, step.ended], times, used)
        # A short step may have no sample. Then the nearest one counts, because a sample covers the time before it.
        within = [sample for sample in run.samples[:-1] if step.started <= sample.at <= step.ended]
        near = within or [min(run.samples[:-1], key=lambda sample: abs(sample.at - step.ended))]
        found.append(
            {
                "step": step.name,
                "seconds": seconds,
                "cpu_seconds": float(cpu_ended - cpu_started),
                "peak_mib": max(sample.largest_mib for sample in near),
                "peak_sum_mib": max(sample.sum_mib for sample in near),
                "rows_per_second": rows / seconds if seconds > 0 else None,
            }
        )
    return found
