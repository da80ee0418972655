"""The cluster of the tests takes no pipeline that the real backend refuses."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.backend.documents import RefusedError, read_pipeline, run_parameters
from tests.kubeflow.specifications import TEXT, specification, step, write

Change = Callable[[dict[str, Any]], Any]
GOOD = specification(
    {
        "first": step("", inputs={"path": "data"}, outputs=("examples",)),
        "second": step("", artifacts={"examples": ("first", "examples")}),
    },
    data=TEXT,
    push_dir={**TEXT, "defaultValue": "/push"},
)


def executors(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["deploymentSpec"]["executors"]


def tasks(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["root"]["dag"]["tasks"]


CASES: dict[str, tuple[Change, str]] = {
    "Vertex AI's schema": (lambda spec: spec.update(schemaVersion="2.0.0"), "only supports schema version 2.1.0"),
    "no schema": (lambda spec: spec.pop("schemaVersion"), "only supports schema version 2.1.0"),
    "no name": (lambda spec: spec.pop("pipelineInfo"), "unknown template format"),
    "a name in capitals": (lambda spec: spec["pipelineInfo"].update(name="Small"), "no name in lower case"),
    "no root": (lambda spec: spec.pop("root"), "unknown template format"),
    "no tasks": (lambda spec: tasks(spec).clear(), "must contain one or more"),
    "a field that does not exist": (lambda spec: spec.update(pipelineRoot="gs://x"), "unknown template format"),
    "a resolver": (
        lambda spec: executors(spec).update({"run-first": {"resolver": {}}}),
        "resolver executors not implemented",
    ),
    "a custom job": (
        lambda spec: executors(spec).update({"run-first": {"customJob": {}}}),
        "custom job executors is Google Cloud only",
    ),
    "an executor that is not there": (lambda spec: executors(spec).pop("run-first"), "executor with label 'run-first'"),
    "a component that is not there": (lambda spec: spec["components"].pop("first"), "component spec for 'first'"),
    "a producer that is not there": (lambda spec: tasks(spec).pop("first"), "unknown producer task 'first'"),
    "a cycle": (lambda spec: tasks(spec)["first"].update(dependentTasks=["second"]), "cycle among ['first', 'second']"),
}


@pytest.mark.parametrize(("change", "told"), CASES.values(), ids=CASES.keys())
def test_what_the_backend_refuses_is_refused(change: Change, told: str, tmp_path: Path) -> None:
    spec = copy.deepcopy(GOOD)
    assert [step.name for step in read_pipeline(write(tmp_path / "good.yaml", spec)).steps] == ["first", "second"]
    change(spec)
    with pytest.raises(RefusedError) as refused:
        read_pipeline(write(tmp_path / "bad.yaml", spec))
    assert told in str(refused.value)


def test_a_pipeline_job_is_refused(tmp_path: Path) -> None:
    job = {"displayName": "small", "pipelineSpec": GOOD, "runtimeConfig": {}}
    with pytest.raises(RefusedError, match="unknown template format"):
        read_pipeline(write(tmp_path / "job.yaml", job))


def test_two_pipelines_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="multiple pipeline specs"):
        read_pipeline(write(tmp_path / "two.yaml", GOOD, GOOD))


def test_settings_of_an_executor_that_is_not_there_are_refused(tmp_path: Path) -> None:
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"run-third": {}}}}}}
    with pytest.raises(RefusedError, match="run-third"):
        read_pipeline(write(tmp_path / "two.yaml", GOOD, platform))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "data is not optional"),
        ({"data": "x", "dta": "y", "root": "z"}, "not required by pipeline: dta, root"),
        ({"data": 7}, "data requires type string_value"),
        ({"data": "x", "push_dir": True}, "push_dir requires type string_value"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    pipeline = read_pipeline(write(tmp_path / "good.yaml", GOOD))
    with pytest.raises(RefusedError, match=told):
        run_parameters(pipeline, given)


def test_parameters_have_their_defaults(tmp_path: Path) -> None:
    values = run_parameters(read_pipeline(write(tmp_path / "good.yaml", GOOD)), {"data": "x"})
    assert {name: value.string_value for name, value in values.items()} == {"data": "x", "push_dir": "/push"}
