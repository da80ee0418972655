"""A process is watched together with its children."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.scale.watched_process import WatchedRun, watch

BUSY = """
import subprocess, sys, time
held = b"1" * (150 << 20)
if len(sys.argv) == 1:
    subprocess.run([sys.executable, sys.argv[0], "child"], check=True)
until = time.process_time() + 0.7
while time.process_time() < until:
    pass
print("done")
sys.exit(3 if len(sys.argv) == 1 else 0)
"""


def watched(folder: Path, program: str) -> WatchedRun:
    script = folder / "program.py"
    script.write_text(program)
    return watch(
        [sys.executable, str(script)],
        folder=folder,
        environment=dict(os.environ),
        output=folder / "output.txt",
        log=folder / "log.txt",
        interval=0.05,
    )


@pytest.mark.integration
@pytest.mark.exhaustive
def test_a_watched_process_is_charged_for_its_children(tmp_path: Path) -> None:
    run = watched(tmp_path, BUSY)
    assert (run.exit_code, (tmp_path / "output.txt").read_text()) == (3, "done\ndone\n")
    assert 1.4 <= run.samples[-1].cpu_seconds <= run.ended - run.started + 0.5
    assert 1.2 <= max(sample.cpu_seconds for sample in run.samples[:-1]) <= run.samples[-1].cpu_seconds + 0.05
    assert 150 <= max(sample.largest_mib for sample in run.samples) < 300
    assert max(sample.sum_mib for sample in run.samples) >= 300


@pytest.mark.exhaustive
@pytest.mark.integration
def test_a_watched_process_ends_with_its_children_when_the_watch_is_broken_off(tmp_path: Path) -> None:
    def give_up(*_: object) -> None:
        """Once both processes are there."""
        if "\n" in (tmp_path / "output.txt").read_text():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise TimeoutError

    (tmp_path / "output.txt").touch()
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(TimeoutError):
            watched(
                tmp_path,
                "import subprocess, os\n"
                "child = subprocess.Popen(['sleep', '60'])\n"
                "print(os.getpid(), child.pid, flush=True)\n"
                "child.wait()\n",
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    numbers = [int(number) for number in (tmp_path / "output.txt").read_text().split()]
    assert len(numbers) == 2
    deadline = time.monotonic() + 10
    while any(alive(number) for number in numbers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(number) for number in numbers)


def alive(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
