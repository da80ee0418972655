import pytest

from core.progress import Advance
from pipeline.display.activities import Activities, Activity, clock


def reading(by: float = 0, **state: bool) -> Advance:
    return Advance("reading", 100, "rows", by, **state)


def only(activities: Activities) -> Activity:
    [activity] = activities
    return activity


def test_the_rest_takes_as_long_as_what_is_done_took() -> None:
    """25 of 100 in 10 s: 30 s for the other 75, of which 4 have passed when nothing was heard for 4 s."""
    activities = Activities()
    activities.observe(reading(begins=True), 100.0)
    activities.observe(reading(25), 110.0)
    activity = only(activities)
    assert activity.left(110.0) == pytest.approx(30)
    assert activity.left(114.0) == pytest.approx(26)
    assert activity.left(999.0) == 0
    assert activity.share() == 0.25
    assert activity.amount() == "25 of 100 rows"


def test_nothing_is_foretold_before_something_was_done() -> None:
    activities = Activities()
    activities.observe(reading(begins=True), 0.0)
    assert only(activities).left(50.0) is None


def test_parts_that_never_say_that_they_begin_are_added_up() -> None:
    """The first part's 40 were done before the clock began, so the rate is that of the second: 20 in 5 s."""
    activities = Activities()
    activities.observe(reading(40), 0.0)
    assert only(activities).left(1.0) is None
    activities.observe(reading(0), 2.0)
    activities.observe(reading(20), 5.0)
    activity = only(activities)
    assert activity.done == 60
    assert activity.left(5.0) == pytest.approx(10)


def test_more_than_all_is_all() -> None:
    """A part that an engine tries twice says so twice."""
    activities = Activities()
    activities.observe(reading(90), 0.0)
    activities.observe(reading(90), 1.0)
    assert only(activities).share() == 1


def test_what_begins_anew_starts_at_nothing() -> None:
    activities = Activities()
    activities.observe(reading(begins=True), 0.0)
    activities.observe(reading(70), 1.0)
    activities.observe(reading(begins=True), 2.0)
    assert only(activities).done == 0


def test_what_is_over_is_gone_and_others_stay() -> None:
    activities = Activities()
    activities.observe(reading(begins=True), 0.0)
    activities.observe(Advance("ranking", 5, "readers", begins=True), 0.0)
    assert activities.observe(reading(over=True), 1.0) is None
    assert only(activities).name == "ranking"
    activities.observe(reading(over=True), 1.0)
    activities.clear()
    assert not list(activities)


def test_an_empty_total_is_done() -> None:
    activities = Activities()
    activities.observe(Advance("reading", 0, "bytes", begins=True), 0.0)
    assert only(activities).share() == 1
    assert only(activities).amount() == "0 bytes of 0 bytes"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (41, "0:41"), (59.6, "1:00"), (725, "12:05"), (3723, "1:02:03")]
)
def test_durations_are_read_as_clocks_are(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
