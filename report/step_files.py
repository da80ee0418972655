"""Reads and writes the file with the duration and peak memory of each step."""

import json
from collections.abc import Sequence

from report.facts.run import Step
from storage import locations


def write_steps(steps: Sequence[Step], path: str) -> None:
    """Writes the steps of a run atomically."""
    content = json.dumps([step.model_dump() for step in steps], indent=2) + "\n"
    locations.write_bytes(content.encode(), path)


def read_steps(path: str) -> tuple[Step, ...]:
    """Returns the steps that `write_steps` wrote; empty if there is no such file."""
    if not locations.exists(path):
        return ()
    return tuple(Step.model_validate(step) for step in json.loads(locations.read_bytes(path)))
