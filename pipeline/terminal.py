"""What a person sees of a run: its steps and how long they took. The libraries' logs go to a file.

TensorFlow, Beam and TFX write to the process's standard streams, from Python and from C++. So the streams themselves
are pointed at the log file, and what is meant for a person goes to a copy of the terminal.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import absl.logging
from rich.live import Live
from rich.spinner import Spinner

from pipeline.live_steps import LiveSteps
from pipeline.plain_steps import PlainSteps
from pipeline.steps import STEP_EVENT, Steps
from transform import progress
from transform.terminal_text import PlainConsole


@contextmanager
def redirected_output(log_file: Path | None) -> Iterator[PlainConsole]:
    """Sends all output of this process to `log_file`, and yields a console on what was the standard output.

    Args:
      log_file: None leaves the output where it is.
    """
    if log_file is None:
        yield PlainConsole(soft_wrap=True)
        return
    sys.stdout.flush()
    sys.stderr.flush()
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield PlainConsole(file=terminal, soft_wrap=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        terminal.close()
        os.close(log)
        for descriptor, copy in saved.items():
            os.dup2(copy, descriptor)
            os.close(copy)


class StepReporter(logging.Handler):
    """Turns the runner's log, our own messages and the advances of a step into what a display shows."""

    def __init__(self, console: PlainConsole, steps: Steps):
        super().__init__(logging.INFO)
        self._steps = steps
        self._display: LiveSteps | PlainSteps
        if _may_draw(console):
            self._display = LiveSteps(console, steps)
        else:
            self._display = PlainSteps(console.print, steps)

    @property
    def current(self) -> str | None:
        """The step that runs, or None."""
        return self._steps.current

    def emit(self, record: logging.LogRecord) -> None:
        """Shows `record` if it is a step's start or end, or one of our own messages."""
        message = record.getMessage()
        if record.name == progress.LOGGER_NAME:
            self._display.message(message)
        elif event := STEP_EVENT.match(message):
            if event[2] == "running":
                self._steps.start(event[1])
                self._display.start(event[1])
            elif self._steps.current is not None:
                self._finish()

    def observe(self, told: progress.Advance) -> None:
        """Shows how far the running step has come."""
        activity = self._steps.activities.observe(told, self._steps.now())
        if activity is not None:
            self._display.advanced(activity)

    def close(self) -> None:
        """Ends the display, whatever state it is in."""
        self._display.close()
        super().close()

    def _finish(self) -> None:
        step, seconds = self._steps.finish()
        self._display.finish(step, seconds)


@contextmanager
def reported_steps(
    console: PlainConsole, steps: Sequence[str], expected: Mapping[str, float] | None = None
) -> Iterator[StepReporter]:
    """Shows the steps of a run on `console` and writes the log of all libraries to the standard error stream.

    Args:
      console: where to. On a terminal the list of steps is drawn and redrawn; elsewhere lines are written.
      steps: the steps, in their order.
      expected: seconds that they took in the last run; None: nothing is known of that.
    """
    reporter = StepReporter(console, Steps(steps, expected or {}))
    stream = logging.StreamHandler(sys.__stderr__)
    stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    handlers, level, verbosity = root.handlers, root.level, absl.logging.get_verbosity()
    root.handlers = [reporter, stream]
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)  # Not the logger's level: TensorFlow resets that one by this call.
    try:
        with progress.watched(reporter.observe):
            yield reporter
    finally:
        reporter.close()
        root.handlers = handlers
        root.setLevel(level)
        absl.logging.set_verbosity(verbosity)


@contextmanager
def shown_waiting(console: PlainConsole, text: str) -> Iterator[None]:
    """Shows on a terminal that something is being waited for, and nothing elsewhere.

    rich's own status would put itself in the place of the standard streams, and a library that is loaded meanwhile
    would keep it there for its log.
    """
    if not _may_draw(console):
        yield
        return
    spinner = Spinner("dots", f" {text}")
    with Live(spinner, console=console, transient=True, redirect_stdout=False, redirect_stderr=False):
        yield


def _may_draw(console: PlainConsole) -> bool:
    """Returns whether `console` can draw, and the libraries' logs do not come to the same terminal."""
    logs_there = sys.__stderr__ is not None and sys.__stderr__.isatty()
    return console.is_terminal and not console.is_dumb_terminal and not logs_there
