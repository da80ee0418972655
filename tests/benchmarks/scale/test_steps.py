"""When each step ran, as a log or a script tells it, and what is charged to it."""

import time

import pytest

from benchmarks.scale.steps import Step, measured, steps_of_json, steps_of_log, told
from benchmarks.scale.watched_process import Sample, WatchedRun

LOG = """\
2026-11-25 17:25:58,054 INFO absl: Component ReviewsFingerprint is running.
2026-11-25 17:25:58,100 INFO absl: Running launcher for node_info {
Component Transform is running.
2026-11-25 17:25:58,179 INFO absl: Component ReviewsFingerprint is finished.
2026-11-25 17:25:58,179 INFO absl: Component RatingsExampleGen is running.
2026-11-25 17:26:06,042 INFO absl: Component RatingsExampleGen is finished.
2026-11-25 17:26:06,043 INFO absl: Component StatisticsGen is running.
"""


def test_a_log_tells_which_steps_were_finished_and_when() -> None:
    steps = steps_of_log(LOG.splitlines(keepends=True))
    assert [step.name for step in steps] == ["ReviewsFingerprint", "RatingsExampleGen"]
    assert [step.ended - step.started for step in steps] == pytest.approx([0.125, 7.863], abs=1e-5)
    assert time.strftime("%F %T", time.localtime(steps[0].started)) == "2026-11-25 17:25:58"


def test_a_script_tells_of_its_steps_between_other_lines() -> None:
    steps = [Step("read_csv", 1.5, 2.25), Step("encode, filter", 2.25, 4)]
    assert steps_of_json(["Epoch 1/3", told(steps[0]), "{", told(steps[1])]) == steps


def test_a_step_gets_what_was_sampled_while_it_was_at_work() -> None:
    samples = [
        Sample(101, 0.5, 100, 110),
        Sample(102, 2, 300, 500),
        Sample(103, 1.5, 200, 900),  # A child has ended, and its parent has not heard of it.
        Sample(104, 4, 250, 260),
        Sample(105, 5, 0, 0),
    ]
    steps = [Step("first", 101, 103), Step("short", 103.6, 103.7)]
    start, first, short, end, whole = measured(steps, WatchedRun(100, 105, 0, samples), rows=1_000)
    assert [step["step"] for step in (start, first, short, end, whole)] == [
        "start, imports",
        "first",
        "short",
        "end",
        "whole",
    ]
    assert [step["seconds"] for step in (start, first, short, end, whole)] == pytest.approx([1, 2, 0.1, 1.3, 5])
    assert [step["cpu_seconds"] for step in (start, first, whole)] == pytest.approx([0.5, 1.5, 5])
    assert short["cpu_seconds"] == pytest.approx(0.2)
    assert end["cpu_seconds"] == pytest.approx(5 - 3.4)
    assert [step["peak_mib"] for step in (start, first, short, end, whole)] == [100, 300, 250, 250, 300]
    assert [step["peak_sum_mib"] for step in (start, first, short, end, whole)] == [110, 900, 260, 260, 900]
    assert (first["rows_per_second"], whole["rows_per_second"]) == (500, 200)
