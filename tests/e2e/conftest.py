"""Fixtures of the tests that run the whole pipeline."""

import csv
import gzip
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.runs import ROOT, SAMPLE, Run, Runner


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Runner:
    return Runner(tmp_path, capfd)


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
def sample_reader() -> str:
    """The name of the sample's most active reader."""
    with gzip.open(SAMPLE, "rt", encoding="utf-8", newline="") as file:
        [(name, _)] = Counter(row["User"] for row in csv.DictReader(file)).most_common(1)
    return name
