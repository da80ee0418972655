"""Which tier a test belongs to, and which tests run in one worker, one after the other."""

from enum import IntEnum
from typing import Final

import pytest


class Tier(IntEnum):
    """The order in which tests run: the cheap ones first, then the longest, so that both workers end together."""

    UNIT = 0
    E2E = 1
    INTEGRATION = 2
    LONG = 3


LONG: Final = ("exhaustive", "large", "flink", "browser")
"""Markers of what only `make test-all` runs."""

SHARED_RUNS: Final = ("sample_run", "marked_runs", "restarted_run")
"""Session fixtures of whole runs: all tests that ask for one run in the worker that makes it."""


def tier_of(item: pytest.Item) -> Tier:
    """Returns the tier of a test, by its markers."""
    marked = {marker.name for marker in item.iter_markers()}
    if marked & set(LONG):
        return Tier.LONG
    if "e2e" in marked:
        return Tier.E2E
    return Tier.INTEGRATION if "integration" in marked else Tier.UNIT


def worker_group(item: pytest.Item) -> str:
    """Returns the name of the group of tests that one worker runs: the marker's, a shared run's, or the file's."""
    if (marker := item.get_closest_marker("xdist_group")) is not None:
        return str(marker.args[0])
    for fixture in SHARED_RUNS:
        if fixture in getattr(item, "fixturenames", ()):
            return fixture
    return f"{tier_of(item).name.lower()} {item.path.relative_to(item.config.rootpath)}"
