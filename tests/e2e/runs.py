"""Runs of the whole pipeline in folders of their own, and small reviews to run on."""

import re
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

    @property
    def report(self) -> Path:
        """The folder of the report whose path the run printed."""
        [page] = re.findall(r"^Report: (.+)$", self.output, re.MULTILINE)
        return Path(page).parent


class Runner:
    """Runs `local_runner` in this process, which has paid for the imports, in folders of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]):
        self.work_dir = folder / "work"
        self.push_dir = folder / "push"
        self._capture = capture

    def __call__(self, data: Path | str, *flags: str) -> Run:
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


HEADER = ",User,ISBN,RatingOf5,Genres\n"

# 40 readers with 8 of 12 books each.
REVIEWS = "".join(
    f"{reader * 8 + book},reader-{reader},Book {(reader + book) % 12},{book % 5 + 1},\"['Fiction']\"\n"
    for reader in range(40)
    for book in range(8)
)

# 120 readers of two tastes, each with 12 of the 60 books of one: enough that a model beats popularity beyond doubt.
TASTES = "".join(
    f"{reader * 12 + book},reader-{reader},Book {(reader * 7 + book * 5) % 60 * 2 + reader % 2},{book % 5 + 1},"
    "\"['Fiction']\"\n"
    for reader in range(120)
    for book in range(12)
)
