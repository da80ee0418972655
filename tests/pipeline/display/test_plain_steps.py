"""What a file or a scheduler's log gets of a run: the lines, and when they come."""

import re

from core.progress import Advance
from pipeline.display.plain_steps import PlainSteps
from pipeline.display.steps import Steps


class Run:
    """A run on a clock of its own, and what is written of it."""

    def __init__(self, **last: float):
        self.seconds = 0.0
        self.lines: list[str] = []
        self.steps = Steps(["a", "b"], last, lambda: self.seconds)
        self.display = PlainSteps(self.lines.append, self.steps)

    def start(self, step: str) -> None:
        self.steps.start(step)
        self.display.start(step)

    def further(self, by: float, after: float, activity: str = "reading", begins: bool = False) -> None:
        self.seconds += after
        told = Advance(activity, 100, "rows", by, begins=begins)
        found = self.steps.activities.observe(told, self.seconds)
        assert found is not None
        self.display.advanced(found)


def test_a_step_says_when_it_begins_and_what_it_took() -> None:
    run = Run(b=3.25)
    run.start("a")
    run.seconds += 2
    run.display.finish(*run.steps.finish())
    run.start("b")
    assert run.lines == ["[ 1/2] a ...", "[ 1/2] a: 2.0 s", "[ 2/2] b ... (last time 3.2 s)"]


def test_what_is_soon_over_is_not_mentioned() -> None:
    run = Run()
    run.start("a")
    del run.lines[:]
    for _ in range(99):
        run.further(1, after=0.1)
    assert run.lines == []


def test_a_line_comes_after_ten_seconds_and_a_tenth_more() -> None:
    """2 in 100 a second: each ten seconds a fifth more is done."""
    run = Run()
    run.start("a")
    del run.lines[:]
    run.further(0, after=0, begins=True)
    for _ in range(50):
        run.further(2, after=1)
    assert [re.findall(r"reading|\d+%|\d+ of \d+ rows|\d+:\d\d", line) for line in run.lines] == [
        ["reading", "20%", "20 of 100 rows", "0:40"],
        ["reading", "40%", "40 of 100 rows", "0:30"],
        ["reading", "60%", "60 of 100 rows", "0:20"],
        ["reading", "80%", "80 of 100 rows", "0:10"],
        ["reading", "100%", "100 of 100 rows", "0:00"],
    ]


def test_what_is_slow_is_heard_of_once_a_minute() -> None:
    run = Run()
    run.start("a")
    del run.lines[:]
    run.further(0, after=0, begins=True)
    for _ in range(180):
        run.further(1 / 60, after=1)
    assert [line.split(",")[0].strip() for line in run.lines] == ["reading: 1%", "reading: 2%", "reading: 3%"]


def test_activities_by_turns_share_the_ten_seconds() -> None:
    run = Run()
    run.start("a")
    del run.lines[:]
    for activity in ("reading", "ranking"):
        run.further(0, after=0, activity=activity, begins=True)
    for _ in range(40):
        run.further(2, after=0.5)
        run.further(2, after=0.5, activity="ranking")
    assert len(run.lines) == 4


def test_what_begins_anew_is_told_from_its_beginning() -> None:
    run = Run()
    run.start("a")
    for _ in range(2):
        del run.lines[:]
        run.further(0, after=20, begins=True)
        run.further(15, after=11)
        assert [line.split(",")[0].strip() for line in run.lines] == ["reading: 15%"]


def test_messages_are_set_in() -> None:
    run = Run()
    run.display.message("one\ntwo")
    lines = "\n".join(run.lines).splitlines()
    assert [line.strip() for line in lines] == ["one", "two"]
    assert all(line.startswith("  ") for line in lines)
