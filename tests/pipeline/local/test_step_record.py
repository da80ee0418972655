"""What a run's steps took, measured on steps that really take time and memory."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.local import step_record
from pipeline.local.step_record import PeakMemory, last_seconds, recorded_steps
from report.facts.run import Step, StepState
from report.step_files import read_steps, write_steps

HUNGRY = "import time; block = b'x' * (200 << 20); print('full', flush=True); time.sleep(60)"


def tell(step: str, event: str) -> None:
    logging.getLogger("absl").warning("Component %s is %s.", step, event)


@pytest.mark.integration
def test_each_step_has_its_time_and_the_memory_of_children_too(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    with recorded_steps(["Small", "Large", "After"], file):
        before = time.monotonic()
        tell("Small", "running")
        time.sleep(0.2)
        tell("Small", "finished")
        elapsed = time.monotonic() - before
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
    assert 0.2 <= (small.seconds or 0) <= elapsed
    assert large.peak_memory_mib > small.peak_memory_mib + 190
    assert after.peak_memory_mib < large.peak_memory_mib - 190


def test_a_peak_between_start_and_end_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the thread that looks now and then: the step holds the memory until that has looked."""
    looked = threading.Event()
    look = PeakMemory._look

    def told(memory: PeakMemory) -> None:
        look(memory)
        if threading.current_thread().name == "peak-memory":
            looked.set()

    monkeypatch.setattr(PeakMemory, "_look", told)
    monkeypatch.setattr(step_record, "SAMPLING_SECONDS", 0.05)
    file = tmp_path / "steps.json"
    with recorded_steps(["Step"], file):
        tell("Step", "running")
        block = b"x" * (200 << 20)
        for _ in range(2):  # The first look may have begun before the memory was taken.
            looked.clear()
            assert looked.wait(60)
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


def leave(work_dir: Path, run_id: str, **steps: tuple[StepState, float | None]) -> Path:
    """Leaves the record of a run in the work folder."""
    file = work_dir / "runs" / run_id / "steps.json"
    write_steps([Step(name=name, state=state, seconds=seconds) for name, (state, seconds) in steps.items()], str(file))
    return file


def test_the_next_run_expects_what_the_last_complete_one_took(tmp_path: Path) -> None:
    names = ["First", "Second"]
    assert last_seconds(tmp_path, names) == {}
    leave(tmp_path, "20260101-120000", First=("done", 1.5), Second=("done", 20.0))
    leave(tmp_path, "20260102-120000", First=("done", 2.5), Second=("done", 30.0))
    leave(tmp_path, "20260103-120000", First=("done", 9.0), Second=("failed", 9.0))
    leave(tmp_path, "20260104-120000", First=("done", 9.0), Second=("not reached", None))
    assert last_seconds(tmp_path, names) == {"First": 2.5, "Second": 30.0}


def test_a_run_of_other_steps_is_not_what_is_expected(tmp_path: Path) -> None:
    leave(tmp_path, "20260101-120000", First=("done", 1.5), Second=("done", 20.0), Third=("done", 3.0))
    leave(tmp_path, "20260102-120000", First=("done", 2.5), Tuner=("done", 300.0))
    assert last_seconds(tmp_path, ["First", "Second", "Third"]) == {"First": 1.5, "Second": 20.0, "Third": 3.0}
    assert last_seconds(tmp_path, ["First", "Tuner"]) == {"First": 2.5, "Tuner": 300.0}
    assert last_seconds(tmp_path, ["First", "Second"]) == {"First": 1.5, "Second": 20.0}


@pytest.mark.parametrize("content", [b"", b"3", b"[1]", b"null", b'[{"name": "First"}]', b"\xff"])
def test_a_record_that_makes_no_sense_is_passed_over(content: bytes, tmp_path: Path) -> None:
    leave(tmp_path, "20260101-120000", First=("done", 1.5))
    leave(tmp_path, "20260102-120000", First=("done", 9.0)).write_bytes(content)
    assert last_seconds(tmp_path, ["First"]) == {"First": 1.5}


def test_what_is_recorded_is_what_the_next_run_expects(tmp_path: Path) -> None:
    with recorded_steps(["First"], tmp_path / "runs" / "1" / "steps.json"):
        tell("First", "running")
        tell("First", "finished")
    [step] = read_steps(str(tmp_path / "runs" / "1" / "steps.json"))
    assert last_seconds(tmp_path, ["First"]) == {"First": step.seconds}
