"""Runs that are killed, without warning, as soon as they say something, and one that completes in the same folders."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from serving.pushed_model import PushedModel
from tests.e2e.runs import Run, Runner
from tests.fork_server import fork_server

WRITES_ELSEWHERE: Final = ("DataGate", "Pusher")
"""Write what outlives the run outside of their own artifact: the baseline, and the push folder."""

_LONGEST_WAIT: Final = 300


class Restarted(NamedTuple):
    """A run that has completed after one that was killed in each step that writes elsewhere."""

    reviews: Path
    killed: Run
    """The last one that was killed, in Pusher."""
    completed: Run


def kill_and_complete(reviews: Path, folder: Path, flags: Sequence[str]) -> Restarted:
    """Runs on `reviews` with `flags` in the work folder and the push folder of `folder`, again and again.

    Each run gets past the step in which the one before was killed. The push folder shows no half of a version.
    """
    run = Runner(folder)
    arguments = run.arguments(reviews, *flags)
    for step in WRITES_ELSEWHERE:
        said, began = folder / f"killed-in-{step}.txt", time.time()
        kill_when_said(f"] {step} ...", ["local_runner.py", *arguments], said)
        killed = Run(run.work_dir, run.push_dir, -signal.SIGKILL, said.read_text(), "", began, time.time())
        count_whole_versions(run.push_dir)
    return Restarted(reviews, killed, run(reviews, *flags))


def count_whole_versions(push_dir: Path) -> int:
    """Returns how many versions are there. Each has to answer."""
    versions = list(push_dir.glob("[0-9]*"))
    for version in versions:
        assert PushedModel(version).example_users(1)
    return len(versions)


def kill_when_said(text: str, argv: Sequence[str], said: Path) -> None:
    """Starts a command in a process that has loaded TFX, and kills it when it has said `text`.

    Args:
      text: what it says once.
      argv: what stands after `python`.
      said: file that gets what it says.
    """
    with said.open("wb") as output:
        process = fork_server().start(argv, stdout=output, stderr=output)
    deadline = time.monotonic() + _LONGEST_WAIT
    try:
        while text not in (so_far := said.read_text(encoding="utf-8", errors="replace")):
            assert process.poll() is None, so_far
            assert time.monotonic() < deadline, so_far
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
