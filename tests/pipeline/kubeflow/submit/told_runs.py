"""What the API server says of a run, time after time: the nodes of the Argo workflow that runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import kfp_server_api as api

_START = datetime(2030, 1, 1, tzinfo=timezone.utc)
_UNSET = datetime(1, 1, 1, tzinfo=timezone.utc)
WORKFLOW = "readalike-x7k2p"


@dataclass
class Told:
    """A run that is asked for several times: each time, the states of its steps have moved on by a scene.

    A scene is `{step: state}`; `""` in it is the run's own state. The server leaves `error` and `pod_name` of a step
    empty, as the real one does, unless `errors` has something for the step.
    """

    scenes: Sequence[Mapping[str, str]]
    errors: Mapping[str, str] = field(default_factory=dict)
    run_error: str | None = None
    retried: tuple[str, ...] = ()
    without_steps: bool = False
    asked: int = 0

    def tell(self, run: api.V2beta1Run) -> None:
        scene = self.scenes[min(self.asked, len(self.scenes) - 1)]
        self.asked += 1
        run.state = scene.get("", "RUNNING")
        if self.run_error:
            run.error = api.GoogleRpcStatus(code=2, message=self.run_error)
        tasks = [_node("root-driver", "SUCCEEDED"), _node(WORKFLOW, run.state), _node("root", run.state)]
        for number, (step, state) in enumerate((name, state) for name, state in scene.items() if name):
            tasks += self._nodes(step, state, number)
        run.run_details = None if self.without_steps else api.V2beta1RunDetails(task_details=tasks)

    def _nodes(self, step: str, state: str, number: int) -> list[api.V2beta1PipelineTaskDetail]:
        if state == "DRIVER_FAILED":
            return [_node(f"{step}-driver", "FAILED", number)]
        executor = f"{WORKFLOW}-{100 + number}"
        attempts = [f"{WORKFLOW}-{200 + number}", f"{WORKFLOW}-{300 + number}"] if step in self.retried else []
        nodes = [
            _node(f"{step}-driver", "SUCCEEDED", number),
            _node(step, state, number, [executor], self.errors.get(step)),
            _node("executor", state, number, attempts),
        ]
        return nodes + [_node(f"executor({attempt})", state, number) for attempt in range(len(attempts))]


def _node(
    name: str, state: str, number: int = 0, children: Sequence[str] = (), error: str | None = None
) -> api.V2beta1PipelineTaskDetail:
    start = _START + timedelta(seconds=100 * number)
    is_driver = name.endswith("-driver")
    ends = start + timedelta(seconds=3 if is_driver else 12)
    more: dict[str, Any] = {"error": api.GoogleRpcStatus(code=2, message=error)} if error else {}
    return api.V2beta1PipelineTaskDetail(
        run_id="run",
        task_id=f"task-{name}-{number}",
        display_name=name,
        create_time=start,
        start_time=start,
        end_time=_UNSET if state in ("RUNNING", "PENDING") else ends,
        state=state,
        execution_id="0",
        child_tasks=[api.PipelineTaskDetailChildTask(pod_name=child) for child in children] or None,
        **more,
    )
