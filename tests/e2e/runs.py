"""Runs of the whole pipeline in folders of their own, and small reviews to run on."""

import math
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple
from unittest.mock import patch

import local_runner
from core.project import ROOT

SAMPLE = ROOT / "data" / "sample" / "reviews.csv.gz"


class Run(NamedTuple):
    """A run that has ended: its folders, its exit code, and what it said."""

    work_dir: Path
    push_dir: Path
    exit_code: int
    output: str
    errors: str
    began: float = 0.0
    ended: float = math.inf
    """When, in seconds after the epoch: other runs may leave artifacts in the same work folder."""

    def artifact(self, pattern: str) -> Path:
        """The one path below the artifacts that fits `pattern`, the newest where this run left several."""
        paths = {path: path.stat().st_mtime for path in self.work_dir.glob(f"artifacts/{pattern}")}
        return max((path for path, time in paths.items() if self.began <= time <= self.ended), key=paths.__getitem__)

    @property
    def report(self) -> Path:
        """The folder of the report whose path the run printed."""
        [page] = re.findall(r"^Report: (.+)$", self.output, re.MULTILINE)
        return Path(page).parent


class Runner:
    """Runs `local_runner` in this process, which has paid for the imports, in folders of its own."""

    def __init__(self, folder: Path):
        self.work_dir = folder / "work"
        self.push_dir = folder / "push"

    def arguments(self, data: Path | str, *flags: str) -> list[str]:
        """The arguments of a run on `data`. The flags come last, so they win."""
        return [f"--data={data}", f"--work-dir={self.work_dir}", f"--push-dir={self.push_dir}", *flags]

    def __call__(self, data: Path | str, *flags: str) -> Run:
        """Runs on `data`."""
        arguments = self.arguments(data, *flags)
        began = time.time()
        # TFX reads the flags of its process too: pytest's `-v` is no verbosity of Abseil.
        with patch.object(sys, "argv", ["local_runner.py", *arguments]), _kept_output() as said:
            exit_code = local_runner.main(arguments)
        return Run(self.work_dir, self.push_dir, exit_code, *said, began, time.time())


@contextmanager
def _kept_output() -> Iterator[list[str]]:
    """Keeps what this process writes, from Python or from C++, as a shell would. Fixtures of a session have no `capfd`.

    Yields a list, which has both, output and errors, when the context has ended.
    """
    said: list[str] = []
    saved = [os.dup(1), os.dup(2)]
    with TemporaryFile() as output, TemporaryFile() as errors:
        os.dup2(output.fileno(), 1)
        os.dup2(errors.fileno(), 2)
        # Never closed: a library's log may keep them.
        out, err = (os.fdopen(number, "w", 1, encoding="utf-8", closefd=False) for number in (1, 2))
        try:
            with redirect_stdout(out), redirect_stderr(err):
                yield said
        finally:
            out.flush()
            err.flush()
            for number, copy in enumerate(saved, 1):
                os.dup2(copy, number)
                os.close(copy)
            for file in (output, errors):
                file.seek(0)
                said.append(file.read().decode("utf-8"))


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

# Books of one reader who shares none with the others: so many that the lists of the others never hold all of them.
OBSCURE = "".join(f"{9000 + book},the-only-reader,Obscure Book {book},5,\"['Fiction']\"\n" for book in range(100))
