"""Display of a run on a terminal: a list of steps below the messages, with progress bars of the running step."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Column, Table
from rich.text import Text

from core.terminal_text import PlainConsole
from pipeline.display.activities import Activity, clock
from pipeline.display.plain_steps import INDENT
from pipeline.display.steps import Steps

_REDRAWN_A_SECOND: Final = 4

# Seconds. Shorter activities are not shown, because lines that appear briefly only disturb.
_SHOWN_AFTER: Final = 0.5

# Seconds. Shorter expected durations are not shown.
_WORTH_EXPECTING: Final = 1.0

# Width of a bar in columns, and the minimum width of a terminal with bars. Narrower ones show only the amounts.
_BAR: Final = 30
_NARROW: Final = 70


class LiveSteps:
    """Redraws the list of steps at the bottom during the run, and leaves its final state there."""

    def __init__(self, console: PlainConsole, steps: Steps):
        """Starts to draw.

        Args:
          console: a terminal.
          steps: state of the run.
        """
        self._console, self._steps = console, steps
        self._told: str | None = None
        self._list = StepList(steps)
        self._live = Live(
            self._list,
            console=console,
            refresh_per_second=_REDRAWN_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def start(self, step: str) -> None:
        """Shows that `step` runs."""
        self._live.refresh()

    def message(self, text: str) -> None:
        """Shows a message of a component below the name of its step."""
        lines = [f"{INDENT}{line}" for line in text.splitlines()]
        step = self._steps.current
        if step is not None and step != self._told:
            lines.insert(0, self._steps.numbered(step))
            self._told = step
        self._console.print("\n".join(lines))

    def advanced(self, activity: Activity) -> None:
        """Does nothing, because the next redraw shows the progress of `activity`."""

    def finish(self, step: str, seconds: float) -> None:
        """Shows that `step` has ended."""
        self._live.refresh()

    def close(self) -> None:
        """Draws the list for the last time. A step that is still running was stopped."""
        self._list.ended = True
        self._live.stop()


class StepList:
    """The list of steps. During the run it has at most as many lines as the terminal."""

    def __init__(self, steps: Steps):
        self._steps = steps
        self._spinner = Spinner("dots")
        self.ended = False
        """Whether the run has ended. Then the list shows all steps."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws the list."""
        steps = self._steps
        current, now = steps.current, steps.now()
        done = [step for step in steps.names if step in steps.taken]
        ahead = [step for step in steps.names if step not in steps.taken and step != current]
        bars = [activity for activity in steps.activities if now - activity.began >= _SHOWN_AFTER and current]
        first, last = 0, len(ahead)
        if not self.ended:
            first, last = _fitting(len(done), len(ahead), console.size.height - len(bars) - 5)
        rows = Table.grid(
            Column(no_wrap=True),
            Column(),
            Column(no_wrap=True, justify="right"),
            Column(style="dim"),
            padding=(0, 1),
        )
        if first:
            seconds = sum(steps.taken[step] for step in done[:first])
            rows.add_row(Text("✓", "green"), _line(f"{first} done"), f"{seconds:.1f} s")
        for step in done[first:]:
            rows.add_row(Text("✓", "green"), _line(steps.numbered(step)), f"{steps.taken[step]:.1f} s")
        if current is not None:
            rows.add_row(*self._running(current))
        for step in ahead[:last]:
            last_time = 0.0 if self.ended else steps.last.get(step, 0.0)
            expected = f"about {clock(last_time)}" if last_time >= _WORTH_EXPECTING else ""
            rows.add_row(" ", _line(steps.numbered(step), "dim"), "", _line(expected))
        if last < len(ahead):
            rows.add_row(" ", _line(f"{len(ahead) - last} to come", "dim"))
        yield rows
        if bars and not self.ended:
            yield _bars(bars, now, options.max_width)
        if not self.ended:
            left = steps.left()
            rest = "" if left is None else f", about {clock(left)} to go by the last run"
            yield _line(f"  {clock(steps.run_elapsed())} so far{rest}", "dim")

    def _running(self, step: str) -> tuple[RenderableType, ...]:
        steps = self._steps
        title, seconds = _line(steps.numbered(step), "bold"), steps.elapsed()
        if self.ended:
            return Text("✗", "red"), title, f"{seconds:.1f} s", _line("stopped")
        last, expected = steps.last.get(step, 0.0), ""
        if last >= _WORTH_EXPECTING:
            expected = f"of about {clock(last)}" if seconds <= last else f"last time {clock(last)}"
        return self._spinner, title, clock(seconds), _line(expected)


def _fitting(done: int, ahead: int, room: int) -> tuple[int, int]:
    """Returns the first of the steps done, and the end of the steps ahead, to show in `room` lines.

    One further line on each side shows how many are left out. Steps ahead take precedence over steps done.
    """
    if done + ahead <= room:
        return 0, ahead
    last = min(ahead, max(room // 2, room - done, 1))
    return done - max(min(done, room - last), 0), last


def _bars(activities: Sequence[Activity], now: float, width: int) -> Table:
    columns = [Column(), Column(no_wrap=True), Column(no_wrap=True)]
    wide = width >= _NARROW
    if wide:
        columns.insert(1, Column(width=_BAR))
    bars = Table.grid(*columns, padding=(0, 1))
    for activity in activities:
        left = activity.left(now)
        row: list[RenderableType] = [
            _line(f"  {activity.name}"),
            activity.amount(),
            "" if left is None else f"{clock(left)} left",
        ]
        if wide:
            row.insert(1, ProgressBar(total=1.0, completed=activity.share(), width=_BAR))
        bars.add_row(*row)
    return bars


def _line(text: str, style: str = "") -> Text:
    """Returns `text` without markup, with an ellipsis if there is no room. Its columns shrink before others."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")
