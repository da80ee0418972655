"""What is drawn on a terminal, frame by frame; and that a real terminal gets it, and one that cannot draw does not."""

import os
import pty
import re
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from core.progress import Advance
from core.project import ROOT
from core.terminal_text import PlainConsole
from pipeline.display.live_steps import StepList
from pipeline.display.steps import Steps

NAMES = [f"Step{letter}" for letter in "ABCDEFGHIJKLM"]


class Row(NamedTuple):
    """A step's line, whatever is between its columns."""

    mark: str
    number: int
    name: str
    told: str


def rows(lines: list[str]) -> list[Row]:
    """The lines that are steps."""
    found = [re.fullmatch(r"(.) \[ *(\d+)/13\] (\w+) *(.*)", line) for line in lines]
    return [Row(match[1], int(match[2]), match[3], match[4]) for match in found if match]


def minutes(line: str) -> list[str]:
    """The times that a line names, as minutes and seconds."""
    return re.findall(r"\d+:\d\d", line)


class Run:
    """A run of thirteen steps on a clock of its own."""

    def __init__(self, **last: float):
        self.seconds = 0.0
        self.steps = Steps(NAMES, last, lambda: self.seconds)
        self.list = StepList(self.steps)

    def done(self, count: int) -> None:
        for name in NAMES[:count]:
            self.steps.start(name)
            self.seconds += 2
            self.steps.finish()

    def lines(self, width: int = 100, height: int = 40) -> list[str]:
        shown = StringIO()
        console = PlainConsole(file=shown, force_terminal=True, color_system=None, width=width, height=height)
        console.print(self.list)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue())
        return [line.rstrip() for line in plain.splitlines()]


def test_all_steps_are_shown_done_running_and_to_come() -> None:
    run = Run(StepC=95, StepD=0.4, StepE=75)
    run.done(2)
    run.steps.start("StepC")
    run.seconds += 61
    lines = run.lines()
    done, running, later = rows(lines)[:2], rows(lines)[2], rows(lines)[3:]
    assert done == [Row("✓", 1, "StepA", "2.0 s"), Row("✓", 2, "StepB", "2.0 s")]
    assert running.mark not in "✓✗ "
    assert (running.number, running.name, minutes(running.told)) == (3, "StepC", ["1:01", "1:35"])
    assert [(row.mark, row.number, row.name) for row in later] == [
        (" ", number, NAMES[number - 1]) for number in range(4, 14)
    ]
    assert [minutes(row.told) for row in later] == [[], ["1:15"], *[[]] * 8]
    assert later[0].told == "", "what took less than a second is not announced"
    assert lines[4].index("about") == lines[2].index("of about"), "below the others' expectations"
    assert [minutes(line) for line in lines[13:]] == [["1:05"]]


def test_the_time_until_the_end_is_foretold_where_the_last_run_tells_it() -> None:
    run = Run(**dict.fromkeys(NAMES, 10.0))
    run.done(11)
    run.steps.start(NAMES[11])
    run.seconds += 4
    assert minutes(run.lines()[-1]) == ["0:26", "0:16"]


def test_a_step_that_takes_longer_than_last_time_says_so() -> None:
    run = Run(StepA=20)
    run.steps.start("StepA")
    run.seconds += 19
    in_time = rows(run.lines())[0]
    run.seconds += 2
    late = rows(run.lines())[0]
    assert (in_time.name, minutes(in_time.told)) == ("StepA", ["0:19", "0:20"])
    assert (late.name, minutes(late.told)) == ("StepA", ["0:21", "0:20"])
    assert late.told.replace("0:21", "0:19") != in_time.told


def test_a_bar_shows_how_far_the_running_step_has_come() -> None:
    run = Run()
    run.steps.start("StepA")
    run.steps.activities.observe(Advance("training", 40, "epochs", begins=True), run.seconds)
    assert not [line for line in run.lines() if "training" in line]
    run.seconds += 10
    run.steps.activities.observe(Advance("training", 40, "epochs", 10), run.seconds)
    [bar] = [line for line in run.lines() if "training" in line]
    assert "10 of 40 epochs" in bar
    assert minutes(bar) == ["0:30"]
    assert 6 <= bar.count("━") + bar.count("╸") <= 30
    [narrow] = [line for line in run.lines(width=60) if "training" in line]
    assert "10 of 40 epochs" in narrow
    assert minutes(narrow) == ["0:30"]
    assert not {"━", "╸"} & set(narrow)


@pytest.mark.parametrize("width", [40, 44, 80, 200])
@pytest.mark.parametrize("height", [10, 14, 24])
@pytest.mark.parametrize("done", [0, 1, 6, 12])
def test_it_fits_into_any_terminal_with_the_running_step(width: int, height: int, done: int) -> None:
    run = Run(**dict.fromkeys(NAMES, 10.0))
    run.done(done)
    run.steps.start(NAMES[done])
    run.steps.activities.observe(Advance("reading", 1e6, "bytes", begins=True), run.seconds)
    run.seconds += 5
    run.steps.activities.observe(Advance("reading", 1e6, "bytes", 4e5), run.seconds)
    lines = run.lines(width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    [running] = [line for line in lines if f"[{done + 1:>2}/13]" in line]
    assert "0:05" in running
    assert [line for line in lines if line.startswith("  rea")]


def test_what_does_not_fit_is_counted() -> None:
    run = Run()
    run.done(6)
    run.steps.start(NAMES[6])
    lines = run.lines(height=11)
    assert lines[0].split() == ["✓", "3", "done", "6.0", "s"]
    assert "3 to come" in [line.strip() for line in lines]
    shown = [int(found[1]) for line in lines if (found := re.search(r"\[ ?(\d+)/13\]", line))]
    assert 3 + len(shown) + 3 == 13


def test_what_was_stopped_is_marked_when_the_run_has_ended() -> None:
    run = Run(StepC=95, StepD=20)
    run.done(2)
    run.steps.start("StepC")
    run.seconds += 61
    run.list.ended = True
    lines = run.lines(height=5)
    assert len(lines) == len(rows(lines)) == 13
    assert rows(lines)[2][:3] == ("✗", 3, "StepC")
    assert "61.0 s" in rows(lines)[2].told
    assert rows(lines)[3] == Row(" ", 4, "StepD", "")


# In the middle it waits until somebody says that enough was drawn.
PROGRAM = """
import logging, os, pathlib, sys
from pipeline.display.terminal import redirected_output, reported_steps, shown_waiting
from core.progress import tell, track
log = None if sys.argv[1] == "-" else pathlib.Path(sys.argv[1])
absl = logging.getLogger("absl")
with redirected_output(log) as console:
  with shown_waiting(console, "loading"):
    library_log = logging.StreamHandler()
  with reported_steps(console, ["First", "Second"]):
    absl.info("Component First is running.")
    library_log.emit(logging.makeLogRecord({"msg": "noise"}))
    with track("reading", 10, "rows") as further:
        for row in range(10):
            if row == 5:
                os.read(int(sys.argv[2]), 1)
            further(1)
            print("noise")
    tell("1,234 rows [read]")
    absl.info("Component First is finished.")
    absl.info("Component Second is running.")
"""


def on_a_terminal(log: str, drawn: bytes = b"", **environment: str) -> str:
    """Runs the program on a pseudo-terminal, and lets it go on when `drawn` is there. Returns what the terminal got."""
    ours, theirs = pty.openpty()
    heard, said = os.pipe()
    termios.tcsetwinsize(theirs, (24, 80))
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, log, str(heard)],
        cwd=ROOT,
        env={**variables, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=[heard],
    )
    os.close(theirs)
    os.close(heard)
    content, waits = b"", True
    try:
        while part := os.read(ours, 65536):
            content += part
            if waits and drawn in content:
                os.close(said)
                waits = False
    except OSError:  # How Linux says that nobody writes any more.
        pass
    os.close(ours)
    if waits:
        os.close(said)
    assert process.wait() == 0
    return content.decode().replace("\r\n", "\n")


needs_window_size = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot set a terminal's size")


@pytest.mark.integration
@needs_window_size
def test_a_terminal_gets_the_list_redrawn_and_keeps_it(tmp_path: Path) -> None:
    shown = on_a_terminal(str(tmp_path / "log"), drawn=b"5 of 10 rows")
    assert "\x1b[?25h" in shown.rsplit("\x1b[?25l", 1)[1], "the cursor is shown again"
    assert "\x1b[32m" in shown
    assert "noise" not in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"\[ 1/2\] First\n +1,234 rows \[read\]\n", plain)
    assert re.search(r"✓ \[ 1/2\] First +\d+\.\d s *\n✗ \[ 2/2\] Second +\d+\.\d s stopped *\n$", plain)


@pytest.mark.integration
@needs_window_size
def test_without_colour_it_is_drawn_all_the_same(tmp_path: Path) -> None:
    shown = on_a_terminal(str(tmp_path / "log"), drawn=b"5 of 10 rows", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown)


@pytest.mark.integration
@needs_window_size
def test_a_terminal_that_cannot_draw_gets_lines(tmp_path: Path) -> None:
    shown = on_a_terminal(str(tmp_path / "log"), TERM="dumb")
    lines = [
        r"\[ 1/2\] First \.\.\.",
        r" +1,234 rows \[read\]",
        r"\[ 1/2\] First: \d+\.\d s",
        r"\[ 2/2\] Second \.\.\.",
    ]
    assert re.fullmatch("".join(f"{line}\n" for line in lines), shown)


@pytest.mark.integration
@needs_window_size
def test_where_the_libraries_logs_come_to_the_terminal_nothing_is_drawn_over_them() -> None:
    shown = on_a_terminal("-")
    assert "\x1b[?25l" not in shown
    assert "[ 1/2] First ...\n" in shown
    assert shown.count("noise\n") == 11
