"""What a run's steps took, measured on steps that really take time and memory."""

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.report.steps import read_steps
from pipeline.step_record import recorded_steps

HUNGRY = "import time; block = b'x' * (200 << 20); print('full', flush=True); time.sleep(60)"


def tell(step: str, event: str) -> None:
    logging.getLogger("absl").warning("Component %s is %s.", step, event)


def test_each_step_has_its_time_and_the_memory_of_children_too(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    with recorded_steps(["Small", "Large", "After"], file):
        tell("Small", "running")
        time.sleep(0.3)
        tell("Small", "finished")
        tell("Large", "running")
        assert [step.state for step in read_steps(str(file))] == ["done", "running", "not reached"]
        with subprocess.Popen([sys.executable, "-c", HUNGRY], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            tell("Large", "finished")
            child.kill()
        tell("After", "running")
        tell("After", "finished")
    small, large, after = read_steps(str(file))
    assert [step.state for step in (small, large, after)] == ["done"] * 3
    assert 0.3 <= (small.seconds or 0) < 5
    assert large.peak_memory_mib > small.peak_memory_mib + 190
    assert after.peak_memory_mib < large.peak_memory_mib - 190


def test_a_peak_between_start_and_end_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    with recorded_steps(["Step"], file):
        tell("Step", "running")
        block = b"x" * (200 << 20)
        time.sleep(1.2)
        del block
        tell("Step", "finished")
    [with_peak] = read_steps(str(file))
    with recorded_steps(["Step"], file):
        tell("Step", "running")
        tell("Step", "finished")
    [without] = read_steps(str(file))
    assert with_peak.peak_memory_mib > without.peak_memory_mib + 190


def fail_in_the_second(file: Path) -> None:
    with recorded_steps(["First", "Second", "Third"], file) as record:
        tell("First", "running")
        tell("First", "finished")
        assert record.running is None
        tell("Second", "running")
        assert record.running == "Second"
        raise ValueError("broken")


def test_the_step_that_fails_is_named_and_those_after_it_were_not_reached(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(ValueError, match="broken"):
        fail_in_the_second(file)
    assert [step.state for step in read_steps(str(file))] == ["done", "failed", "not reached"]
    assert read_steps(str(file))[1].seconds is not None
    assert logging.getLogger().handlers == handlers
