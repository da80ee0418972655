"""Tuning is killed; a run of the whole pipeline goes on with its trials, and trains with what they found."""

import json
from pathlib import Path

import pytest

from pipeline.commands import tune
from pipeline.configuration.config import PipelineConfig
from registry.push_folder import newest_version
from tests.e2e.killed_runs import kill_when_said
from tests.e2e.runs import HEADER, TASTES, Runner

pytestmark = pytest.mark.e2e

# Towers that hardly learn, and a shrunk SVD that needs no learning.
CONFIGURATION = """
[training]
parts = ["trained"]
learning_rate = 1e-6
max_epochs = 1
temperatures = [0.1]
[tuning]
trials = 3
folds = 2
[tuning.space.parts]
choices = [["closed_form"]]
"""


@pytest.mark.exhaustive
def test_a_run_goes_on_where_tuning_was_killed_and_trains_with_what_was_found(run: Runner, tmp_path: Path) -> None:
    data, configuration = tmp_path / "reviews.csv", tmp_path / "run.toml"
    data.write_text(HEADER + TASTES)
    configuration.write_text(CONFIGURATION)
    command = [
        "-m",
        "pipeline.commands.tune",
        f"--data={data}",
        f"--work-dir={run.work_dir}",
        f"--push-dir={run.push_dir}",
    ]
    kill_when_said("trial 1/3: Recall@20", [*command, f"--config={configuration}"], tmp_path / "killed.txt")
    assert not list(run.push_dir.iterdir())

    done = run(data, f"--config={configuration}")
    assert done.exit_code == 0, done.output + done.errors
    assert "1 of 3 trials are in" in done.output
    assert [f"trial {number}/3: Recall@20" in done.output for number in (1, 2, 3)] == [False, True, True]
    found = json.loads(done.artifact("Tuner/best_hyperparameters/*/best_hyperparameters.txt").read_text())
    assert found == {"parts": ["closed_form"]}
    facts = json.loads((newest_version(run.push_dir) / "assets.extra" / "readalike.json").read_text())
    assert facts["hyperparameters"]["parts"] == ["closed_form"]
    assert facts["hyperparameters"]["learning_rate"] == 1e-6
    assert len(json.loads((run.work_dir / "tuning" / "best.json").read_text())["trials"]) == 3


def test_a_number_of_trials_is_given_where_none_is() -> None:
    assert tune.with_trials(PipelineConfig()).tuning.trials == tune.TRIALS
    assert tune.with_trials(PipelineConfig(tuning={"trials": 7})).tuning.trials == 7


def test_without_reviews_nothing_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert tune.main([]) == 2
    assert "--data: missing" in capsys.readouterr().err
