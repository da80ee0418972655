"""Shows the steps of a run to the user and sends the libraries' logs to a file.

TensorFlow, Beam and TFX write to the process's standard streams, from Python and from C++. So the streams themselves
are redirected to the log file, and output for the user goes to a copy of the terminal.
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

from core import progress
from core.terminal_text import PlainConsole
from pipeline.display.live_steps import LiveSteps
from pipeline.display.plain_steps import PlainSteps
from pipeline.display.steps import STEP_EVENT, Steps


@contextmanager
def redirected_output(log_file: Path | None) -> Iterator[PlainConsole]:
    """Redirects all output of this process to `log_file`, and yields a console on the original standard output.

    Args:
      log_file: the log. None: output is not redirected.
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
    """Passes step events, messages and progress from the log to a display."""

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
        """The running step, or None."""
        return self._steps.current

    def emit(self, record: logging.LogRecord) -> None:
        """Shows `record` if it is the start or end of a step, or a message of this project."""
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
        """Shows the progress of the running step."""
        activity = self._steps.activities.observe(told, self._steps.now())
        if activity is not None:
            self._display.advanced(activity)

    def close(self) -> None:
        """Ends the display in any state."""
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
      console: the output. On a terminal the list of steps is redrawn; elsewhere lines are written.
      steps: the steps, in order.
      expected: seconds of each step in the last run. None: unknown.
    """
    reporter = StepReporter(console, Steps(steps, expected or {}))
    stream = logging.StreamHandler(sys.__stderr__)
    stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    handlers, level, verbosity = root.handlers, root.level, absl.logging.get_verbosity()
    root.handlers = [reporter, stream]
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)  # TensorFlow resets the logger's own level by this call.
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
    """Shows a spinner with `text` on a terminal, and nothing elsewhere.

    rich's own status would replace the standard streams, and a library loaded meanwhile would keep logging to it.
    """
    if not _may_draw(console):
        yield
        return
    spinner = Spinner("dots", f" {text}")
    with Live(spinner, console=console, transient=True, redirect_stdout=False, redirect_stderr=False):
        yield


def _may_draw(console: PlainConsole) -> bool:
    """Returns True if `console` can redraw and the libraries' logs go elsewhere."""
    logs_there = sys.__stderr__ is not None and sys.__stderr__.isatty()
    return console.is_terminal and not console.is_dumb_terminal and not logs_there
