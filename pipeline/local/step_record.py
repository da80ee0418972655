"""Records the duration and peak memory of each step in a file during the run.

The next run shows these durations as estimates.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from pipeline.display.steps import STEP_EVENT
from report.facts.run import Step, StepState
from report.step_files import read_steps, write_steps

RUNS: Final = "runs"
"""Folder in the work folder, with one folder per run."""

STEPS_FILE: Final = "steps.json"
"""File in the folder of a run."""

SAMPLING_SECONDS: Final = 0.5
MIB: Final = 1 << 20


class PeakMemory:
    """Samples the total resident memory of this process and its children, and keeps the maximum."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Resets the maximum."""
        self._peak = 0
        self._look()

    def mib(self) -> float:
        """Returns the maximum since the last reset, in MiB."""
        self._look()
        return self._peak / MIB

    def stop(self) -> None:
        """Stops sampling."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLING_SECONDS):
            self._look()

    def _look(self) -> None:
        total = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            with suppress(psutil.Error):  # The child has ended meanwhile.
                total += child.memory_info().rss
        self._peak = max(self._peak, total)


class StepRecord(logging.Handler):
    """Measures the steps from the runner's log events, and updates the file after each event."""

    def __init__(self, names: Sequence[str], file: Path):
        """Starts a record of all steps `names`, in order, in `file`."""
        super().__init__(logging.INFO)
        self._steps = {name: Step(name=name, state="not reached") for name in names}
        self._file = file
        self._memory = PeakMemory()
        self._started = 0.0
        self._running: str | None = None
        self._write()

    @property
    def running(self) -> str | None:
        """The running step, or the step that failed; None if there is none."""
        return self._running

    def emit(self, record: logging.LogRecord) -> None:
        """Records the start or end of a step."""
        event = STEP_EVENT.match(record.getMessage())
        if event is None:
            return
        if event[2] == "running":
            self._running, self._started = event[1], time.monotonic()
            self._memory.restart()
            self._steps[event[1]] = Step(name=event[1], state="running")
            self._write()
        else:
            self._end("done")
            self._running = None

    def close(self) -> None:
        """Records a step that is still running as failed, and stops the measurement."""
        if self._running is not None:
            self._end("failed")
        self._memory.stop()
        super().close()

    def _end(self, state: StepState) -> None:
        if self._running is not None:
            seconds = time.monotonic() - self._started
            peak = self._memory.mib()
            self._steps[self._running] = Step(name=self._running, state=state, seconds=seconds, peak_memory_mib=peak)
            self._write()

    def _write(self) -> None:
        write_steps(tuple(self._steps.values()), str(self._file))


def last_seconds(work_dir: Path, names: Sequence[str]) -> dict[str, float]:
    """Returns the seconds of each of the steps `names` in the last run that finished all of them; empty if none did.

    Invalid records are skipped, because they must not stop a run.
    """
    for file in sorted((work_dir / RUNS).glob(f"*/{STEPS_FILE}"), reverse=True):
        with suppress(OSError, ValueError, TypeError):
            taken = {step.name: step.seconds for step in read_steps(str(file)) if step.state == "done"}
            found = {name: seconds for name in names if (seconds := taken.get(name)) is not None}
            if len(found) == len(names):
                return found
    return {}


@contextmanager
def recorded_steps(names: Sequence[str], file: Path) -> Iterator[StepRecord]:
    """Records the steps `names` of a run in `file`, in addition to other log handlers."""
    record = StepRecord(names, file)
    root = logging.getLogger()
    root.addHandler(record)
    try:
        yield record
    finally:
        root.removeHandler(record)
        record.close()
