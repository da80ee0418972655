"""Reads a compiled pipeline as Kubeflow's API server and its compiler for Argo do, and refuses what they refuse.

After backend/src/apiserver/template/v2_template.go and backend/src/v2/compiler/argocompiler of kubeflow/pipelines 2.16.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

SCHEMA_VERSION: Final = "2.1.0"
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

_PARAMETER: Final = pipeline_spec_pb2.ParameterType
_KINDS: Final = {
    _PARAMETER.NUMBER_DOUBLE: "number_value",
    _PARAMETER.NUMBER_INTEGER: "number_value",
    _PARAMETER.STRING: "string_value",
    _PARAMETER.BOOLEAN: "bool_value",
    _PARAMETER.LIST: "list_value",
    _PARAMETER.STRUCT: "struct_value",
}


class RefusedError(Exception):
    """The backend would not take the pipeline, the run, or what a step hands back."""


@dataclass(frozen=True)
class Step:
    """One task of the pipeline, with all that belongs to it."""

    name: str
    task: Any
    component: Any
    container: Any
    kubernetes: Any


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that the backend takes: its name, its parameters, and its steps in an order that keeps to the DAG."""

    name: str
    parameters: Mapping[str, Any]
    steps: tuple[Step, ...]


def read_pipeline(path: Path) -> Pipeline:
    """Returns the pipeline in the file `path`.

    Raises:
      RefusedError: the backend would not take it.
    """
    spec, platform = None, pipeline_spec_pb2.PlatformSpec()
    for document in yaml.safe_load_all(path.read_text()):
        if document is None:
            continue
        if "platforms" in document:
            platform = json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
        elif spec is not None:
            raise RefusedError("multiple pipeline specs provided")
        else:
            spec = _parsed(document)
    if spec is None:
        raise RefusedError("no pipeline spec is provided")
    return Pipeline(spec.pipeline_info.name, spec.root.input_definitions.parameters, _steps(spec, platform))


def run_parameters(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, struct_pb2.Value]:
    """Returns the parameters of a run: those that were given, and the defaults of the others.

    Raises:
      RefusedError: one is unknown, missing or of another type.
    """
    unknown = sorted(set(given) - set(pipeline.parameters))
    if unknown:
        raise RefusedError(f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")
    values = {name: json_format.ParseDict(value, struct_pb2.Value()) for name, value in given.items()}
    for name, declared in pipeline.parameters.items():
        if name in values:
            kind = _KINDS.get(declared.parameter_type)
            if values[name].WhichOneof("kind") != kind:
                raise RefusedError(f"input parameter {name} requires type {kind}, but the parameter value is not of it")
        elif declared.HasField("default_value"):
            values[name] = declared.default_value
        elif declared.is_optional:
            values[name] = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        else:
            raise RefusedError(
                f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
    return values


def _parsed(document: Any) -> Any:
    try:
        spec = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        raise RefusedError(f"unknown template format: {error}") from error
    if not spec.pipeline_info.name or not spec.HasField("root"):
        raise RefusedError("unknown template format: it has no pipelineInfo.name or no root")
    if spec.schema_version != SCHEMA_VERSION:
        raise RefusedError(
            f"KFP only supports schema version 2.1.0, but the pipeline spec has version {spec.schema_version}"
        )
    if not NAME.fullmatch(spec.pipeline_info.name):
        raise RefusedError(f"invalid v2 pipeline spec: the name {spec.pipeline_info.name!r} is no name in lower case")
    return spec


def _steps(spec: Any, platform: Any) -> tuple[Step, ...]:
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(json_format.MessageToDict(spec.deployment_spec), deployment)
    settings = platform.platforms["kubernetes"].deployment_spec.executors if platform.platforms else {}
    # The backend would leave them out without a word: they would be missed only when a run fails for want of them.
    unplaced = {name for name in settings if name not in deployment.executors}
    if unplaced:
        raise RefusedError(f"the platform spec names executors that do not exist: {sorted(unplaced)}")
    steps = {name: _step(name, spec, deployment, settings) for name in spec.root.dag.tasks}
    if not steps:
        raise RefusedError("DAG root must contain one or more non-exit tasks")
    ordered: list[Step] = []
    while len(ordered) < len(steps):
        done = {step.name for step in ordered}
        ready = sorted(
            name for name, step in steps.items() if name not in done and set(step.task.dependent_tasks) <= done
        )
        if not ready:
            raise RefusedError(f"the DAG has a cycle among {sorted(set(steps) - done)}")
        ordered += [steps[name] for name in ready]
    return tuple(ordered)


def _step(name: str, spec: Any, deployment: Any, settings: Mapping[str, Any]) -> Step:
    task = spec.root.dag.tasks[name]
    if task.WhichOneof("iterator") is not None:
        raise NotImplementedError(f"{name}: this tool runs no loops")
    if task.trigger_policy.strategy == pipeline_spec_pb2.PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED:
        raise NotImplementedError(f"{name}: this tool runs no exit tasks")
    component = spec.components.get(task.component_ref.name)
    if component is None:
        raise RefusedError(f"component spec for {task.component_ref.name!r} not found")
    if component.WhichOneof("implementation") != "executor_label":
        raise NotImplementedError(f"{name}: this tool runs no nested pipelines")
    executor = deployment.executors.get(component.executor_label)
    if executor is None:
        raise RefusedError(f"executor with label {component.executor_label!r} not found")
    kind = executor.WhichOneof("spec")
    if kind == "resolver":
        raise RefusedError(f"{name}: resolver executors not implemented")
    if kind == "custom_job":
        raise RefusedError(f"{name}: custom job executors is Google Cloud only, it's not supported")
    if kind != "container":
        raise NotImplementedError(f"{name}: this tool runs containers only, not {kind}")
    _add_implicit_dependencies(name, task, spec.root.dag.tasks)
    kubernetes = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
    if component.executor_label in settings:
        json_format.ParseDict(json_format.MessageToDict(settings[component.executor_label]), kubernetes)
    return Step(name, task, component, executor.container, kubernetes)


def _add_implicit_dependencies(name: str, task: Any, tasks: Mapping[str, Any]) -> None:
    producers = {spec.task_output_artifact.producer_task for spec in task.inputs.artifacts.values()}
    producers |= {spec.task_output_parameter.producer_task for spec in task.inputs.parameters.values()}
    for producer in sorted(producers - {""} | set(task.dependent_tasks)):
        if producer not in tasks:
            raise RefusedError(f"{name}: failed to add implicit deps: unknown producer task {producer!r} in DAG")
        if producer not in task.dependent_tasks:
            task.dependent_tasks.append(producer)
