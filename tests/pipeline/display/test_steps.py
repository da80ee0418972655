import pytest

from core.progress import Advance
from pipeline.display.steps import Steps


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_left_is_what_the_last_run_took_from_here(clock: Clock) -> None:
    """10 + 20 + 5 s; 4 s into the second step, 16 + 5 are left."""
    steps = Steps(["a", "b", "c"], {"a": 10, "b": 20, "c": 5}, clock)
    assert steps.left() == 35
    steps.start("a")
    clock.seconds += 3
    assert steps.left() == 32
    assert steps.finish() == ("a", 3)
    steps.start("b")
    clock.seconds += 4
    assert steps.left() == 21
    assert steps.run_elapsed() == 7


def test_a_step_that_takes_longer_than_last_time_has_nothing_left_unless_it_says_so_itself(clock: Clock) -> None:
    """40 of 100 in 30 s: 45 s for the rest, on top of the last step's 5."""
    steps = Steps(["b", "c"], {"b": 20, "c": 5}, clock)
    steps.start("b")
    steps.activities.observe(Advance("reading", 100, "rows", begins=True), clock())
    clock.seconds += 30
    assert steps.left() == 5
    steps.activities.observe(Advance("reading", 100, "rows", 40), clock())
    assert steps.left() == pytest.approx(50)


def test_nothing_is_foretold_where_a_step_is_new(clock: Clock) -> None:
    steps = Steps(["a", "b"], {"a": 10}, clock)
    assert steps.left() is None
    steps.start("b")
    steps.finish()
    assert steps.left() == 10


def test_a_step_that_has_ended_leaves_no_activity(clock: Clock) -> None:
    steps = Steps(["a"], {}, clock)
    steps.start("a")
    steps.activities.observe(Advance("reading", 100, "rows", begins=True), clock())
    steps.finish()
    assert not list(steps.activities)
    assert steps.current is None


def test_steps_are_numbered_and_a_stranger_is_none_of_them(clock: Clock) -> None:
    steps = Steps([f"s{number}" for number in range(13)], {}, clock)
    assert [steps.numbered(name) for name in ("s0", "s12", "x")] == ["[ 1/13] s0", "[13/13] s12", "[ 0/13] x"]
