"""Push, rollback, prune and archives may be killed at any moment: what is served stays whole, and again completes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("job", ["push", "prune", "rollback", "extract", "make"])
def test_killed_at_forty_points_and_done_again(job: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.serving.killed", job, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
