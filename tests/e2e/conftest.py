"""Runs of the whole pipeline that several tests look at."""

import csv
import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import local_runner

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "data" / "sample" / "reviews.csv.gz"


class Run(NamedTuple):
    """A run that has ended: its folders, its exit code, and what it said."""

    work_dir: Path
    push_dir: Path
    exit_code: int
    output: str
    errors: str

    def artifact(self, pattern: str) -> Path:
        """The one path below the artifacts that fits `pattern`, the newest where several runs left one."""
        return sorted(self.work_dir.glob(f"artifacts/{pattern}"), key=lambda path: path.stat().st_mtime)[-1]


class Runner:
    """Runs `local_runner` in this process, which has paid for the imports, in folders of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]):
        self.work_dir = folder / "work"
        self.push_dir = folder / "push"
        self._capture = capture

    def __call__(self, data: Path, *flags: str) -> Run:
        """Runs on `data`. The flags come last, so they win."""
        arguments: Sequence[str] = [
            f"--data={data}",
            f"--work-dir={self.work_dir}",
            f"--push-dir={self.push_dir}",
            *flags,
        ]
        self._capture.readouterr()
        exit_code = local_runner.main(arguments)
        said = self._capture.readouterr()
        return Run(self.work_dir, self.push_dir, exit_code, said.out, said.err)


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
