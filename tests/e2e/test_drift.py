"""Reviews that differ from the last accepted ones stop the run, until someone says that the change is wanted."""

import pytest

from tests.e2e.marked_runs import MarkedRuns

pytestmark = pytest.mark.e2e


def test_drift_stops_the_run_until_it_is_accepted(marked_runs: MarkedRuns) -> None:
    first, drifted, accepted = marked_runs.first, marked_runs.drifted, marked_runs.refused
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    refused = drifted.run
    assert refused.exit_code == 3
    assert "Genres" in refused.errors
    assert "--accept-drift" in refused.errors
    assert drifted.pushed == first.pushed
    assert "--accept-drift" not in accepted.run.errors
    assert accepted.run.artifact("Trainer/model/*").is_dir()


@pytest.mark.exhaustive
def test_what_was_accepted_once_is_no_drift_the_next_time(marked_runs: MarkedRuns) -> None:
    again = marked_runs.again
    assert again.run.exit_code == 0, again.run.output + again.run.errors
    assert int(again.releases[-1].version) > int(marked_runs.first.releases[-1].version)
