"""The file in which a runner keeps how long each step took and how much memory it needed."""

import json
from collections.abc import Sequence

from components.report.facts import Step
from transform import storage


def write_steps(steps: Sequence[Step], path: str) -> None:
    """Writes the steps of a run, as a whole or not at all."""
    content = json.dumps([step.model_dump() for step in steps], indent=2) + "\n"
    storage.write_bytes(content.encode(), path)


def read_steps(path: str) -> tuple[Step, ...]:
    """Returns the steps that `write_steps` wrote; none where there is no such file."""
    if not storage.exists(path):
        return ()
    return tuple(Step.model_validate(step) for step in json.loads(storage.read_bytes(path)))
