from datetime import datetime, timedelta, timezone

import kfp_server_api as api
import pytest

from pipeline.kubeflow.submit.run_steps import steps_of

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
UNSET = datetime(1, 1, 1, tzinfo=timezone.utc)


def seconds(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(*tasks: tuple[str, str, datetime, datetime]) -> api.V2beta1Run:
    details = [
        api.V2beta1PipelineTaskDetail(display_name=name, state=state, start_time=start, end_time=end)
        for name, state, start, end in tasks
    ]
    return api.V2beta1Run(run_details=api.V2beta1RunDetails(task_details=details))


@pytest.mark.parametrize(
    ("tasks", "state", "took"),
    [
        ([], "PENDING", None),
        ([("X-driver", "PENDING", NOON, UNSET)], "PENDING", None),
        ([("X-driver", "RUNNING", NOON, UNSET)], "RUNNING", None),
        ([("X-driver", "SUCCEEDED", NOON, seconds(3))], "RUNNING", None),
        ([("X-driver", "SUCCEEDED", NOON, seconds(3)), ("X", "RUNNING", seconds(4), UNSET)], "RUNNING", None),
        ([("X-driver", "SUCCEEDED", NOON, seconds(3)), ("X", "SUCCEEDED", seconds(4), seconds(60))], "SUCCEEDED", 60),
        ([("X-driver", "FAILED", NOON, seconds(3)), ("X", "RUNTIME_STATE_UNSPECIFIED", UNSET, UNSET)], "FAILED", 3),
        ([("X", "SKIPPED", UNSET, UNSET)], "SKIPPED", None),
        ([("X", "CANCELED", NOON, UNSET)], "CANCELED", None),
        ([("X", "FAILED", NOON, seconds(1)), ("X", "RUNNING", seconds(60), UNSET)], "RUNNING", None),
        ([("executor", "FAILED", NOON, seconds(9)), ("Xs", "FAILED", NOON, seconds(9))], "PENDING", None),
    ],
)
def test_a_step_is_what_its_nodes_say(
    tasks: list[tuple[str, str, datetime, datetime]], state: str, took: float | None
) -> None:
    [step] = steps_of(run(*tasks), ["X"])
    assert (step.state, step.seconds) == (state, took)
