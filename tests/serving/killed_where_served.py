"""A change of a push folder that is killed again and again while a server watches the folder.

`python -m tests.serving.killed_where_served JOB PUSH_DIR MODEL FOLDER` does JOB in PUSH_DIR, is killed at other points
each time, and completes the last. It prints how often it was killed.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from registry import archive, push_history
from registry.push_folder import PushFolder
from tests.registry.killed import in_child
from tests.serving.pushes import bring_artifact, push

POINTS = 12

# Time enough for the server to look at what was left, more than once.
PAUSE_SECONDS = 0.5

OLDER = "1"


class Job(NamedTuple):
    prepare: Callable[[Path, Path, Path], None]
    """Takes the push folder, the model and a folder to work in. Comes before each time, and is not killed."""

    do: Callable[[Path, Path], None]
    """Takes the push folder and the folder to work in."""


def bring(push_dir: Path, model: Path, folder: Path) -> None:
    if not (folder / "artifact").exists():
        bring_artifact(model, folder)


def pack(push_dir: Path, model: Path, folder: Path) -> None:
    archive.make(model, folder / "model.zip")


def bring_older(push_dir: Path, model: Path, folder: Path) -> None:
    """Puts the model there as a version before all others, at once, where there is none."""
    if not (push_dir / OLDER).exists():
        shutil.copytree(model, folder / OLDER)
        (folder / OLDER).rename(push_dir / OLDER)


def extract(push_dir: Path, folder: Path) -> None:
    number = 1 + max(int(path.name) for path in push_dir.iterdir() if path.name.isdigit())
    archive.extract(folder / "model.zip", push_dir / str(number))


def roll_back(push_dir: Path, folder: Path) -> None:
    push_history.roll_back(PushFolder(str(push_dir)), time.time(), OLDER)


def prune(push_dir: Path, folder: Path) -> None:
    PushFolder(str(push_dir)).prune(1)


JOBS = {
    "push": Job(bring, push),
    "extract": Job(pack, extract),
    "rollback": Job(bring_older, roll_back),
    "prune": Job(bring_older, prune),
}


def main(name: str, push_dir: Path, model: Path, folder: Path) -> None:
    if name == "push":
        pass
    if name == "prune":
        prune(push_dir, folder)  # So that one version goes each time, in as many calls.
    job, copy, count = JOBS[name], folder / "copy", folder / "count"
    shutil.copytree(push_dir, copy)
    job.prepare(copy, model, folder)
    assert in_child(lambda: job.do(copy, folder), count=count) == 0
    calls, killed = int(count.read_text()), 0
    for point in range(POINTS):
        job.prepare(push_dir, model, folder)
        killed += os.WIFSIGNALED(in_child(lambda: job.do(push_dir, folder), 1 + point * (calls - 1) // POINTS))
        time.sleep(PAUSE_SECONDS)
    job.prepare(push_dir, model, folder)
    assert in_child(lambda: job.do(push_dir, folder)) == 0
    print(killed)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
