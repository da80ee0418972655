"""Reviews that differ from the last accepted ones stop the run, until someone says that the change is wanted."""

from pathlib import Path

import pytest

from tests.e2e.runs import HEADER, TASTES, Runner

pytestmark = pytest.mark.e2e


def test_drift_stops_the_run_until_it_is_accepted(run: Runner, tmp_path: Path) -> None:
    usual, other = tmp_path / "usual.csv", tmp_path / "other.csv"
    usual.write_text(HEADER + TASTES)
    other.write_text(HEADER + TASTES.replace("Fiction", "Cooking"))
    fast = "--training.max-epochs=1"
    assert run(usual, fast).exit_code == 0
    pushed = sorted(path.name for path in run.push_dir.iterdir())
    refused = run(other, fast)
    assert refused.exit_code == 3
    assert "Genres" in refused.errors
    assert "--accept-drift" in refused.errors
    assert sorted(path.name for path in run.push_dir.iterdir()) == pushed
    assert run(other, fast, "--accept-drift").exit_code == 0
    assert run(other, fast).exit_code == 0
    assert len(list(run.push_dir.iterdir())) == 3
