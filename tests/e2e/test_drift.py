"""Reviews that differ from the last accepted ones stop the run, until someone says that the change is wanted."""

import pytest

from tests.e2e.marked_runs import MarkedRuns

pytestmark = pytest.mark.e2e


def test_drift_stops_the_run_until_it_is_accepted(marked_runs: MarkedRuns) -> None:
    first, drifted, accepted, after = marked_runs.all
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    refused = drifted.run
    assert refused.exit_code == 3
    assert "Genres" in refused.errors
    assert "--accept-drift" in refused.errors
    assert drifted.pushed == first.pushed
    assert accepted.run.exit_code == 0, accepted.run.output + accepted.run.errors
    assert int(accepted.releases[-1].version) > int(first.releases[-1].version)
    assert after.run.artifact("Trainer/model/*").is_dir(), after.run.errors
