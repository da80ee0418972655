"""Reads the states of a run's steps from the API.

The API lists the nodes of an Argo workflow. A step X has the nodes `X-driver`, which prepares it, `X`, and `executor`.
The executor is the step's pod or, with retries, the parent of the attempts' pods. Only `X` has the name of its step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

import kfp_server_api as api

_DRIVER: Final = "-driver"
_EXECUTOR: Final = "executor"
_UNSET_BEFORE: Final = datetime(1971, 1, 1, tzinfo=timezone.utc)
State: Final = api.V2beta1RuntimeState
FINISHED: Final = (State.SUCCEEDED, State.FAILED, State.SKIPPED, State.CANCELED)


@dataclass(frozen=True)
class Step:
    """State of one step of a run at a given time."""

    name: str
    state: str
    seconds: float | None
    """Duration, if the step is finished and the server has its times."""
    messages: tuple[str, ...]
    """Error messages of the server about the step."""
    pods: tuple[str, ...]
    """Workflow nodes whose pod logs may have the cause of the failure."""


def steps_of(run: api.V2beta1Run, names: Sequence[str]) -> list[Step]:
    """Returns the current states of the steps `names` of `run`, in that order."""
    tasks = (run.run_details and run.run_details.task_details) or []
    return [_step(name, tasks) for name in names]


def attempts_of(run: api.V2beta1Run) -> tuple[str, ...]:
    """Returns the nodes of failed attempts of all retried steps, last attempt first."""
    tasks = (run.run_details and run.run_details.task_details) or []
    failed = [task for task in tasks if task.display_name == _EXECUTOR and task.state == State.FAILED]
    return tuple(dict.fromkeys(pod for task in failed for pod in reversed(_pods(task))))


def _step(name: str, tasks: Sequence[api.V2beta1PipelineTaskDetail]) -> Step:
    main = _latest(task for task in tasks if task.display_name == name)
    driver = _latest(task for task in tasks if task.display_name == name + _DRIVER)
    known = [task for task in (main, driver) if task is not None]
    failed = [task for task in known if task.state == State.FAILED]
    state = State.FAILED if failed else _state(main, driver)
    return Step(
        name=name,
        state=state,
        seconds=_seconds(known) if state in FINISHED else None,
        messages=tuple(message for task in failed for message in _messages(task)),
        pods=tuple(dict.fromkeys(pod for task in failed for pod in _pods(task))),
    )


def _latest(tasks: Iterable[api.V2beta1PipelineTaskDetail]) -> api.V2beta1PipelineTaskDetail | None:
    return max(tasks, key=lambda task: _time(task.start_time) or _UNSET_BEFORE, default=None)


def _state(main: api.V2beta1PipelineTaskDetail | None, driver: api.V2beta1PipelineTaskDetail | None) -> str:
    if main is not None and main.state not in (None, State.RUNTIME_STATE_UNSPECIFIED):
        return str(main.state)
    if driver is not None and driver.state in (State.RUNNING, State.SUCCEEDED):
        return str(State.RUNNING)
    return str(State.PENDING)


def _seconds(tasks: Sequence[api.V2beta1PipelineTaskDetail]) -> float | None:
    starts = [start for task in tasks if (start := _time(task.start_time))]
    ends = [end for task in tasks if (end := _time(task.end_time))]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else None


def _time(value: datetime | None) -> datetime | None:
    """Returns the time, or None for an unset time, which the API writes as the year 1 or 1970."""
    return value if value is not None and value.tzinfo is not None and value > _UNSET_BEFORE else None


def _messages(task: api.V2beta1PipelineTaskDetail) -> list[str]:
    errors = [task.error, *(status.error for status in task.state_history or ())]
    return list(dict.fromkeys(error.message for error in errors if error is not None and error.message))


def _pods(task: api.V2beta1PipelineTaskDetail) -> list[str]:
    children = [child.pod_name for child in task.child_tasks or () if child.pod_name]
    return [pod for pod in (task.pod_name, *children) if pod]
