"""Checks that a pipeline uses only features of the open-source backend of Kubeflow Pipelines.

TFX compiles for Google's Vertex AI, which has more features. The backend refuses some of them when a run is created,
and silently ignores the others. Source: `backend/src/v2/compiler/visitor.go` and `argocompiler/dag.go`.
"""

from collections.abc import Iterator
from typing import Any, Final

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import v1 as tfx
from tfx.dsl.component.experimental import executor_specs  # No public module has executor specs and drivers.
from tfx.dsl.components.base import base_driver, executor_spec

from core.errors import ConfigurationError

_NO_RESOLVER: Final = (
    "is a resolver, and the backend has none. Give it to the step by its location: the model that is served, from the "
    "push folder; earlier statistics, from the baseline folder."
)
_WAYS_OUT: Final = {
    "resolver": _NO_RESOLVER,
    "custom_job": "is a custom job of Vertex AI. Run the code in a container.",
    None: "says nothing of how it is run. Give it a container.",
}

Refusal = tuple[str, str]


def check_nodes(pipeline: tfx.dsl.Pipeline) -> None:
    """Checks the nodes of `pipeline` for kinds that compilation would drop or break.

    Raises:
      ConfigurationError: the backend cannot run a node; the message names each such node and a remedy.
    """
    _raise_if_any((node.id, reason) for node in pipeline.components for reason in _node_refusals(node))


def check_specification(
    spec: pipeline_spec_pb2.PipelineSpec, deployment: pipeline_spec_pb2.PipelineDeploymentConfig
) -> None:
    """Checks the compiled pipeline.

    Raises:
      ConfigurationError: the backend would refuse the pipeline or ignore a part of it; the message names each step.
    """
    refusals = [
        refusal
        for component in (spec.root, *spec.components.values())
        for name, task in component.dag.tasks.items()
        for refusal in _task_refusals(name, task, component.dag, spec, deployment)
    ]
    if "root" in spec.components:
        refusals.append(("root", "is the name of the pipeline's own component. Give the node another id."))
    _raise_if_any(refusals)


def _node_refusals(node: Any) -> Iterator[str]:
    if isinstance(node, tfx.dsl.Resolver):
        yield _NO_RESOLVER
    elif isinstance(node, tfx.dsl.Pipeline):
        yield "is a pipeline in the pipeline, which TFX does not compile. Name its nodes in the outer one."
    elif isinstance(node, tfx.components.InfraValidator):
        yield "starts pods of its own, which TFX does not compile. ServingValidator loads the model in its own pod."
    elif not isinstance(node, tfx.dsl.Importer):
        if node.driver_class is not base_driver.BaseDriver:
            yield (
                f"relies on {node.driver_class.__name__}, and the backend runs no drivers: it would know neither spans "
                "nor a changed input. Find that out in a step before, and take it as a parameter."
            )
        known = executor_spec.ExecutorClassSpec, executor_specs.TemplatedExecutorContainerSpec
        if not isinstance(node.executor_spec, known):
            yield f"is run by a {type(node.executor_spec).__name__}. Give it an executor class or a container."


def _task_refusals(
    name: str,
    task: pipeline_spec_pb2.PipelineTaskSpec,
    dag: pipeline_spec_pb2.DagSpec,
    spec: pipeline_spec_pb2.PipelineSpec,
    deployment: pipeline_spec_pb2.PipelineDeploymentConfig,
) -> Iterator[Refusal]:
    reference = task.component_ref.name
    if reference not in spec.components:
        yield name, f"is of component {reference!r}, which is not there."
        return
    component = spec.components[reference]
    producers = {
        *(item.task_output_parameter.producer_task for item in task.inputs.parameters.values()),
        *(item.task_output_artifact.producer_task for item in task.inputs.artifacts.values()),
        *task.dependent_tasks,
    } - {""}
    for producer in sorted(producers - set(dag.tasks)):
        yield name, f"waits for a step {producer!r}, which is not there."
    if task.HasField("artifact_iterator"):
        yield name, "iterates over artifacts, which the backend cannot. Iterate over a parameter, or inside the step."
    if component.HasField("dag"):
        return
    executor = pipeline_spec_pb2.PipelineDeploymentConfig.ExecutorSpec()
    if component.executor_label in deployment.executors:
        executor = deployment.executors[component.executor_label]
    kind = executor.WhichOneof("spec")
    if kind == "importer" and task.trigger_policy.condition:
        yield name, "is an importer with a condition, which the backend cannot. Put the condition on what reads it."
    elif kind == "container" and executor.container.HasField("lifecycle"):
        yield name, "has a lifecycle hook, which the backend leaves out. Do its work in a step before."
    elif kind not in ("container", "importer"):
        yield name, _WAYS_OUT[kind]


def _raise_if_any(refusals: Any) -> None:
    lines = [f"  {name}: {reason}" for name, reason in refusals]
    if lines:
        raise ConfigurationError("\n".join(["Kubeflow Pipelines' backend cannot run this pipeline:", *lines]))
