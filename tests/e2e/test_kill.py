"""A run may be killed at any moment: the same command again completes, and no version is ever half-written."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serving.pushed_model import PushedModel
from tests.e2e.runs import ROOT, SAMPLE

pytestmark = pytest.mark.e2e

STEPS = (
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


def command(folder: Path) -> list[str]:
    return [
        sys.executable,
        "local_runner.py",
        f"--data={SAMPLE}",
        f"--work-dir={folder}/work",
        f"--push-dir={folder}/push",
        "--training.max-epochs=1",
    ]


def run_until(step: str, folder: Path) -> None:
    """Starts a run and kills it, without warning, when `step` has begun."""
    with subprocess.Popen(command(folder), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if f"] {step} ..." in line:
                break
        else:
            pytest.fail(f"{step} was never begun")
        process.send_signal(signal.SIGKILL)


def test_killed_in_every_step_and_run_again(tmp_path: Path) -> None:
    """Each run gets past the step in which the one before was killed; the last one completes."""
    for step in STEPS:
        run_until(step, tmp_path)
        for version in (tmp_path / "push").glob("[0-9]*"):
            PushedModel(version)
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for version in (tmp_path / "push").glob("[0-9]*"):
        assert PushedModel(version).example_users(1)


def test_the_steps_above_are_all_there_are(tmp_path: Path) -> None:
    from pipeline.config import PipelineConfig
    from pipeline.graph import create_pipeline

    config = PipelineConfig(data=str(SAMPLE))
    pipeline = create_pipeline(
        config, data=config.data, push_dir="push", baseline_dir="", pipeline_root=str(tmp_path), key_file=None
    )
    assert {component.id for component in pipeline.components} == set(STEPS)
