"""Runs in one work folder, one after the other, on reviews in an object store whose readers' names are unmistakable."""

import uuid
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from registry.push_folder import PushFolder
from registry.push_history import Release, read_history
from tests.e2e.runs import HEADER, OBSCURE, TASTES, Run, Runner
from tests.s3_server import Bucket, variables

MARK: Final = "Unmistakable-Name"

# Two titles have lost their closing quotes. Between the quotes that are left stand names of readers.
_LOST_QUOTE: Final = f'9,{MARK}-quoted,"Book 1,5,\n'
_BETWEEN: Final = "".join(f"9,{MARK}-between-{number},Book {number},5,\n" for number in range(12))

USUAL: Final = (
    f"{HEADER}{_LOST_QUOTE}{_BETWEEN}{_LOST_QUOTE}"
    + TASTES.replace("reader-", f"{MARK}-")
    + OBSCURE.replace("the-only-reader", f"{MARK}-only")
    + f"9,{MARK}-rejected,Book 1,5,not a list\n9,{MARK}-torn,Book 1,5,,,,\n"
)
OTHER_GENRES: Final = USUAL.replace("Fiction", "Cooking")

# The first run has all that a model may be made of, the others what takes no time.
_WHOLE: Final = ("--training.max-epochs=1",)
# Another recipe recommends other books, and is meant to.
_QUICK: Final = (
    "--training.parts=closed_form",
    "--evaluation.max-exposure-drift=1",
    "--evaluation.max-exposure-rise=1",
)


class Stage(NamedTuple):
    """A run, and what was in the push folder after it."""

    run: Run
    pushed: dict[str, bytes]
    """Content by path in the push folder."""
    releases: list[Release]
    """Oldest first."""


class MarkedRuns:
    """The runs, each made when it is first asked for, after those that come before it."""

    def __init__(self, folder: Path, endpoint: str):
        self._run = Runner(folder)
        self._endpoint = endpoint
        self._bucket = Bucket(endpoint, f"marked-{uuid.uuid4().hex[:12]}")
        self._bucket.client.create_bucket(Bucket=self._bucket.name)

    @cached_property
    def first(self) -> Stage:
        """Pushes."""
        return self._after(USUAL, *_WHOLE)

    @cached_property
    def drifted(self) -> Stage:
        """Other genres, which nobody has accepted."""
        assert self.first
        return self._after(OTHER_GENRES, *_QUICK)

    @cached_property
    def refused(self) -> Stage:
        """The same reviews, which someone accepts, where no model covers enough or is fast enough."""
        assert self.drifted
        strict = ("--evaluation.min-coverage=0.999999", "--serving.max-p50-ms=0.001")
        return self._after(OTHER_GENRES, *_QUICK, "--accept-drift", *strict)

    @cached_property
    def again(self) -> Stage:
        """The same reviews, after they were accepted. Pushes, and only the newest version is to stay."""
        assert self.refused
        return self._after(OTHER_GENRES, *_QUICK, "--keep-versions=1")

    def _after(self, reviews: str, *flags: str) -> Stage:
        push_dir = f"minio://{self._bucket.name}/push"
        with pytest.MonkeyPatch.context() as environment:
            for name, value in variables(self._endpoint).items():
                environment.setenv(name, value)
            self._bucket.put("reviews/a.csv", reviews)
            data = f"s3://{self._bucket.name}/reviews"
            done = self._run(data, f"--push-dir={push_dir}", *flags)
            folder = PushFolder(push_dir)
            releases = read_history(folder) if folder.versions() else []
        places = {place for name in self._bucket.names() for place in [name.partition("/")[0]]}
        assert places <= {"reviews", "push"}
        pushed = {
            name.removeprefix("push/"): self._bucket.get(name)
            for name in self._bucket.names()
            if name.startswith("push/")
        }
        return Stage(done, pushed, releases)
