"""How long each step of a run took and how much memory it needed, kept in a file while the run goes on.

The next run says by that what to expect.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from components.report.facts import Step, StepState
from components.report.steps import read_steps, write_steps
from pipeline.steps import STEP_EVENT

RUNS: Final = "runs"
"""In the work folder: a folder for each run."""

STEPS_FILE: Final = "steps.json"
"""In the folder of a run."""

SAMPLING_SECONDS: Final = 0.5
MIB: Final = 1 << 20


class PeakMemory:
    """Watches the resident memory of this process and all its children, and keeps the largest sum."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Forgets what was seen so far."""
        self._peak = 0
        self._look()

    def mib(self) -> float:
        """Returns the largest sum since the start or the last restart, in MiB."""
        self._look()
        return self._peak / MIB

    def stop(self) -> None:
        """Watches no longer."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLING_SECONDS):
            self._look()

    def _look(self) -> None:
        total = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            with suppress(psutil.Error):  # It has ended in between.
                total += child.memory_info().rss
        self._peak = max(self._peak, total)


class StepRecord(logging.Handler):
    """Measures the steps that the runner's log tells of, and writes them to a file after each."""

    def __init__(self, names: Sequence[str], file: Path):
        """Takes the names of all steps, in their order, and the file."""
        super().__init__(logging.INFO)
        self._steps = {name: Step(name=name, state="not reached") for name in names}
        self._file = file
        self._memory = PeakMemory()
        self._started = 0.0
        self._running: str | None = None
        self._write()

    @property
    def running(self) -> str | None:
        """The step that runs, or the one that was stopped by a failure; None: none."""
        return self._running

    def emit(self, record: logging.LogRecord) -> None:
        """Takes note of a step's start or end."""
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
        """Takes note of the step that is still running, which failed, and ends the measuring."""
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
    """Returns what each of the steps `names` took in the last run that came to the end of all of them; empty: none did.

    A record that makes no sense is passed over: it is not worth stopping a run for.
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
    """Records the steps `names` of a run in `file`, beside whatever else listens to the log."""
    record = StepRecord(names, file)
    root = logging.getLogger()
    root.addHandler(record)
    try:
        yield record
    finally:
        root.removeHandler(record)
        record.close()
