"""Push, rollback, prune and archives may be killed at any moment: what is served stays whole, and again completes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fork_server import ROOT, fork_server
from tests.registry.killed import JOBS

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("points", [5, pytest.param(40, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("job", JOBS)
def test_killed_at_many_points_and_done_again(job: str, points: int, tmp_path: Path) -> None:
    command = ["-m", "tests.registry.killed", job, str(tmp_path), str(points)]
    if job == "push":  # Needs TFX; the others start faster by themselves, and fork faster.
        done = fork_server().run(command)
    else:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
