"""A run may be killed at any moment: the same command again completes, and no version is ever half-written."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.killed_runs import Restarted, count_whole_versions
from tests.e2e.runs import ROOT, SAMPLE, Runner

pytestmark = pytest.mark.e2e

STEPS: Final = (
    "ReviewsFingerprint",
    "RatingsExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "Contract",
    "ExampleValidator",
    "DataGate",
    "InteractionSplitter",
    "Transform",
    "Trainer",
    "RetrievalEvaluator",
    "ServingValidator",
    "ModelCard",
    "Pusher",
    "RunReport",
)


def test_killed_where_a_step_writes_outside_its_own_artifact_and_run_again(restarted_run: Restarted) -> None:
    killed, done = restarted_run.killed, restarted_run.completed
    assert "] Pusher ..." in killed.output
    assert done.exit_code == 0, done.output + done.errors
    assert count_whole_versions(done.push_dir)


def kill_in(step: str, command: Sequence[str]) -> None:
    """Starts a run by command and kills it, without warning, when `step` has begun."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if f"] {step} ..." in line:
                break
        else:
            pytest.fail(f"{step} was never begun")
        process.send_signal(signal.SIGKILL)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_killed_in_every_step_and_run_again(run: Runner) -> None:
    """The same by commands on the sample."""
    command = [sys.executable, "local_runner.py", *run.arguments(SAMPLE, "--training.max-epochs=1")]
    for step in STEPS:
        kill_in(step, command)
        count_whole_versions(run.push_dir)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert count_whole_versions(run.push_dir)


def test_the_steps_above_are_all_there_are(tmp_path: Path) -> None:
    from pipeline.configuration.config import PipelineConfig
    from pipeline.graph import create_pipeline

    config = PipelineConfig(data=str(SAMPLE))
    pipeline = create_pipeline(
        config, data=config.data, push_dir="push", baseline_dir="", pipeline_root=str(tmp_path), key_file=None
    )
    assert {component.id for component in pipeline.components} == set(STEPS)
