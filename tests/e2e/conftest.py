"""Fixtures of the tests that run the whole pipeline."""

import csv
import gzip
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.killed_runs import Restarted, kill_and_complete
from tests.e2e.marked_runs import MarkedRuns
from tests.e2e.runs import HEADER, OBSCURE, ROOT, SAMPLE, TASTES, Run, Runner


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run on the bundled sample, as a person starts it: a command in a shell."""
    folder = tmp_path_factory.mktemp("sample")
    done = subprocess.run(
        [
            sys.executable,
            "local_runner.py",
            f"--data={SAMPLE}",
            "--work-dir",
            folder / "work",
            "--push-dir",
            folder / "push",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(folder / "work", folder / "push", done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def same_key_run(sample_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same reviews again, with the same key, where the first run's model is served. Its model is refused.

    Every book would have to be recommended to someone: only the gate's verdict differs from that of another run.
    """
    run = Runner(tmp_path_factory.mktemp("same-key"))
    shutil.copytree(sample_run.push_dir, run.push_dir)
    key_file = sample_run.work_dir / "pseudonym.key"
    return run(SAMPLE, f"--pseudonym-key-file={key_file}", "--evaluation.min-coverage=0.999999")


@pytest.fixture(scope="session")
def restarted_run(tmp_path_factory: pytest.TempPathFactory) -> Restarted:
    """A run on few reviews, with all that a model may be made of, after others that were killed."""
    folder = tmp_path_factory.mktemp("restarted")
    reviews = folder / "reviews.csv.gz"
    reviews.write_bytes(gzip.compress((HEADER + TASTES + OBSCURE).encode()))
    return kill_and_complete(reviews, folder, ["--training.max-epochs=1"])


@pytest.fixture(scope="session")
def sample_reader() -> str:
    """The name of the sample's most active reader."""
    with gzip.open(SAMPLE, "rt", encoding="utf-8", newline="") as file:
        [(name, _)] = Counter(row["User"] for row in csv.DictReader(file)).most_common(1)
    return name


@pytest.fixture(scope="session")
def marked_runs(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> MarkedRuns:
    return MarkedRuns(tmp_path_factory.mktemp("marked"), s3_endpoint)
