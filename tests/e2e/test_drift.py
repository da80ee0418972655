"""Reviews that differ from the last accepted ones stop the run, until someone says that the change is wanted."""

import pytest

from tests.e2e.marked_runs import MarkedRuns

pytestmark = pytest.mark.e2e


def test_drift_stops_the_run_until_it_is_accepted(marked_runs: MarkedRuns) -> None:
    first, drifted, accepted, again = (
        marked_runs.first,
        marked_runs.drifted,
        marked_runs.accepted,
        marked_runs.again,
    )
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    refused = drifted.run
    assert refused.exit_code == 3
    assert "Genres" in refused.errors
    assert "--accept-drift" in refused.errors
    assert drifted.pushed == first.pushed
    assert accepted.run.exit_code == 0, accepted.run.output + accepted.run.errors
    assert again.run.exit_code == 0, again.run.output + again.run.errors
    pushed = [int(stage.releases[-1].version) for stage in (first, accepted, again)]
    assert pushed == sorted(set(pushed))
