"""A run may be killed at any moment: the same command again completes, and no version is ever half-written."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from serving.pushed_model import PushedModel
from tests.e2e.killed_runs import kill_when_said
from tests.e2e.runs import HEADER, ROOT, SAMPLE, TASTES
from tests.fork_server import fork_server

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

WRITES_ELSEWHERE: Final = ("DataGate", "Pusher")
"""Write what outlives the run outside of their own artifact: the baseline, and the push folder."""


# A model that takes no time.
QUICK: Final = "--training.parts=closed_form"


def arguments(folder: Path, data: Path, *flags: str) -> list[str]:
    return [
        "local_runner.py",
        f"--data={data}",
        f"--work-dir={folder}/work",
        f"--push-dir={folder}/push",
        "--training.max-epochs=1",
        *flags,
    ]


def kill_in(step: str, folder: Path, data: Path) -> None:
    """Starts a run by command and kills it, without warning, when `step` has begun."""
    command = [sys.executable, *arguments(folder, data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if f"] {step} ..." in line:
                break
        else:
            pytest.fail(f"{step} was never begun")
        process.send_signal(signal.SIGKILL)


def assert_every_version_is_whole(folder: Path) -> int:
    """Returns how many there are."""
    versions = list((folder / "push").glob("[0-9]*"))
    for version in versions:
        assert PushedModel(version).example_users(1)
    return len(versions)


def test_killed_where_a_step_writes_outside_its_own_artifact_and_run_again(tmp_path: Path) -> None:
    """Each run gets past the step in which the one before was killed; the last one completes."""
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER + TASTES)
    for step in WRITES_ELSEWHERE:
        kill_when_said(f"] {step} ...", arguments(tmp_path, data, QUICK), tmp_path / f"killed-in-{step}.txt")
        assert_every_version_is_whole(tmp_path)
    done = fork_server().run(arguments(tmp_path, data, QUICK))
    assert done.returncode == 0, done.stdout + done.stderr
    assert assert_every_version_is_whole(tmp_path)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_killed_in_every_step_and_run_again(tmp_path: Path) -> None:
    """The same by commands on the sample."""
    for step in STEPS:
        kill_in(step, tmp_path, SAMPLE)
        assert_every_version_is_whole(tmp_path)
    command = [sys.executable, *arguments(tmp_path, SAMPLE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert assert_every_version_is_whole(tmp_path)


def test_the_steps_above_are_all_there_are(tmp_path: Path) -> None:
    from pipeline.config import PipelineConfig
    from pipeline.graph import create_pipeline

    config = PipelineConfig(data=str(SAMPLE))
    pipeline = create_pipeline(
        config, data=config.data, push_dir="push", baseline_dir="", pipeline_root=str(tmp_path), key_file=None
    )
    assert {component.id for component in pipeline.components} == set(STEPS)
