"""What a person sees of a run: its steps and how long they took. The libraries' logs go to a file.

TensorFlow, Beam and TFX write to the process's standard streams, from Python and from C++. So the streams themselves
are pointed at the log file, and what is meant for a person goes to a copy of the terminal.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import absl.logging
from rich.console import Console
from rich.status import Status

from transform import progress

# How TFX's local runner says where it is.
_STEP_EVENT: Final = re.compile(r"^Component (\S+) is (running|finished)\.$")


@contextmanager
def redirected_output(log_file: Path | None) -> Iterator[Console]:
    """Sends all output of this process to `log_file`, and yields a console on what was the standard output.

    Args:
      log_file: None leaves the output where it is.
    """
    if log_file is None:
        yield Console(highlight=False, soft_wrap=True)
        return
    sys.stdout.flush()
    sys.stderr.flush()
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield Console(file=terminal, highlight=False, soft_wrap=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        terminal.close()
        os.close(log)
        for descriptor, copy in saved.items():
            os.dup2(copy, descriptor)
            os.close(copy)


class StepReporter(logging.Handler):
    """Turns the runner's log into a line a step, with the messages of our own components below it."""

    def __init__(self, console: Console, steps: Sequence[str]):
        super().__init__(logging.INFO)
        self._console = console
        self._steps = list(steps)
        self._status: Status | None = None
        self._started = 0.0
        self._current: str | None = None

    @property
    def current(self) -> str | None:
        """The step that runs, or None."""
        return self._current

    def emit(self, record: logging.LogRecord) -> None:
        """Shows `record` if it is a step's start or end, or one of our own messages."""
        message = record.getMessage()
        if record.name == progress.LOGGER_NAME:
            self._console.print("\n".join(f"         {line}" for line in message.splitlines()), markup=False)
        elif event := _STEP_EVENT.match(message):
            if event[2] == "running":
                self._start(event[1])
            else:
                self._finish()

    def close(self) -> None:
        """Ends the display, whatever state it is in."""
        self._stop_spinner()
        super().close()

    def _start(self, step: str) -> None:
        self._current = step
        self._started = time.monotonic()
        title = f"{self._number(step)} {step}"
        if self._console.is_terminal:
            self._status = self._console.status(f" {title}")
            self._status.start()
        else:
            self._console.print(f"{title} ...", markup=False)

    def _finish(self) -> None:
        seconds = time.monotonic() - self._started
        self._stop_spinner()
        self._console.print(f"{self._number(self._current)} {self._current}: {seconds:.1f} s", markup=False)
        self._current = None

    def _number(self, step: str | None) -> str:
        position = self._steps.index(step) + 1 if step in self._steps else 0
        return f"[{position:>2}/{len(self._steps)}]"

    def _stop_spinner(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def reported_steps(console: Console, steps: Sequence[str]) -> Iterator[StepReporter]:
    """Shows the steps of a run on `console` and writes the log of all libraries to the standard error stream."""
    reporter = StepReporter(console, steps)
    stream = logging.StreamHandler(sys.__stderr__)
    stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    handlers, level, verbosity = root.handlers, root.level, absl.logging.get_verbosity()
    root.handlers = [reporter, stream]
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)  # Not the logger's level: TensorFlow resets that one by this call.
    try:
        yield reporter
    finally:
        reporter.close()
        root.handlers = handlers
        root.setLevel(level)
        absl.logging.set_verbosity(verbosity)
