"""What happens before a container runs: its inputs are looked up, its outputs placed, and the cache is asked.

After backend/src/v2/driver and backend/src/v2/cacheutils of kubeflow/pipelines 2.5.0, 2.14.0 and 2.16.0.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.backend.documents import RefusedError, Step
from tests.kubeflow.backend.metadata import Metadata
from tests.kubeflow.backend.objects import mounted

# The output that the driver adds to each step, for the launcher to keep the step's log in.
LOGS: Final = "executor-logs"
LOGS_TYPE: Final = "system.Artifact"


@dataclass(frozen=True)
class Installation:
    """What differs between installations of Kubeflow Pipelines: the release, and what its administrator set."""

    release: tuple[int, int] = (2, 16)
    publish_logs: bool = True
    """`PUBLISH_LOGS`, which is true in the manifests."""

    @property
    def metadata_beside_artifacts(self) -> bool:
        """Whether a step tells of its outputs in the task's folder, or in the container's `/tmp`."""
        return self.release >= (2, 15)

    @property
    def keeps_logs_of_failures(self) -> bool:
        """Whether the log of a failed step is uploaded too."""
        return self.release >= (2, 16)


@dataclass
class Run:
    """One run: where its artifacts go, its parameters, and the executions of the tasks that are done."""

    pipeline: str
    run_id: str
    root: str
    parameters: Mapping[str, struct_pb2.Value]
    executions: dict[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The address below which all of the run's artifacts are."""
        return f"{self.root.rstrip('/')}/{self.pipeline}/{self.run_id}"


def resolve_inputs(step: Step, run: Run, metadata: Metadata) -> Any:
    """Returns the step's `ExecutorInput`, with inputs only.

    Raises:
      RefusedError: an input is missing or of another type than the component declares.
    """
    executor_input = pipeline_spec_pb2.ExecutorInput()
    for name, spec in step.task.inputs.parameters.items():
        value = _parameter(step, name, spec, run, metadata)
        if value.HasField("null_value"):
            if not step.component.input_definitions.parameters[name].is_optional:
                raise RefusedError(f"{step.name}: the resolved input parameter is null: {name}")
            continue
        executor_input.inputs.parameter_values[name].CopyFrom(value)
    for name, spec in step.task.inputs.artifacts.items():
        producer, key = spec.task_output_artifact.producer_task, spec.task_output_artifact.output_artifact_key
        if not producer:
            raise RefusedError(f"{step.name}: artifact spec of {name} is not implemented: {spec.WhichOneof('kind')}")
        found = metadata.output_artifacts(run.executions[producer])
        if key not in found:
            raise RefusedError(f"{step.name}: cannot find output artifact key {key!r} in producer task {producer!r}")
        executor_input.inputs.artifacts[name].artifacts.append(metadata.runtime_artifact(found[key]))
    _check_types(step, executor_input.inputs.parameter_values)
    return executor_input


def provision_outputs(step: Step, run: Run, installation: Installation, root: Path) -> Any:
    """Returns the outputs of the step's `ExecutorInput`. The container's file system begins at `root`."""
    outputs = pipeline_spec_pb2.ExecutorInput.Outputs()
    folder = f"{run.folder}/{step.name}/{uuid.uuid4()}"
    for name, spec in step.component.output_definitions.artifacts.items():
        artifact = outputs.artifacts[name].artifacts.add(uri=f"{folder}/{name}")
        artifact.type.CopyFrom(spec.artifact_type)
        if spec.HasField("metadata"):
            artifact.metadata.CopyFrom(spec.metadata)
    if installation.publish_logs:
        outputs.artifacts[LOGS].artifacts.add(uri=f"{folder}/{LOGS}").type.schema_title = LOGS_TYPE
    for name in step.component.output_definitions.parameters:
        outputs.parameters[name].output_file = str(root / "tmp/kfp/outputs" / name)
    outputs.output_file = str(root / "tmp/kfp_outputs/output_metadata.json")
    if installation.metadata_beside_artifacts:
        outputs.output_file = str(mounted(folder, root) / "output_metadata.json")
        for name, artifacts in outputs.artifacts.items():
            artifacts.artifacts[0].name = name
    return outputs


def fingerprint(step: Step, executor_input: Any) -> str:
    """Returns what the cache goes by: the names of input artifacts, parameters, what is put out, and the container.

    The container's environment is no part of it, as in most releases; newer ones take it in.
    """
    outputs = executor_input.outputs
    key = {
        "inputArtifactNames": {
            name: [artifact.name for artifact in artifacts.artifacts]
            for name, artifacts in executor_input.inputs.artifacts.items()
        },
        "inputParameterValues": json_format.MessageToDict(executor_input.inputs).get("parameterValues", {}),
        "outputArtifactsSpec": {
            name: {**json_format.MessageToDict(artifacts.artifacts[0]), "uri": ""}
            for name, artifacts in outputs.artifacts.items()
        },
        "outputParametersSpec": {
            name: step.component.output_definitions.parameters[name].parameter_type for name in outputs.parameters
        },
        "containerSpec": {
            "image": step.container.image,
            "cmdArgs": [*step.container.command, *step.container.args],
            "pvcNames": sorted({mount.constant for mount in step.kubernetes.pvc_mount}),
        },
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _parameter(step: Step, name: str, spec: Any, run: Run, metadata: Metadata) -> Any:
    kind = spec.WhichOneof("kind")
    if spec.parameter_expression_selector:
        raise NotImplementedError(f"{step.name}: {name}: this tool knows no expression selectors")
    if kind == "component_input_parameter":
        if spec.component_input_parameter not in run.parameters:
            raise RefusedError(
                f"{step.name}: parent DAG does not have input parameter {spec.component_input_parameter}"
            )
        return run.parameters[spec.component_input_parameter]
    if kind == "task_output_parameter":
        output = spec.task_output_parameter
        return metadata.output_parameters(run.executions[output.producer_task])[output.output_parameter_key]
    if kind == "runtime_value" and spec.runtime_value.WhichOneof("value") == "constant":
        known = {
            "{{$.pipeline_job_name}}": run.pipeline,
            "{{$.pipeline_job_resource_name}}": f"{run.pipeline}-{run.run_id[:5]}",
            "{{$.pipeline_job_uuid}}": run.run_id,
            "{{$.pipeline_task_name}}": step.name,
        }
        constant = spec.runtime_value.constant
        text = known.get(constant.string_value)
        return constant if text is None else struct_pb2.Value(string_value=text)
    raise RefusedError(f"{step.name}: parameter spec of {name} is not implemented: {spec}")


def _check_types(step: Step, values: Any) -> None:
    types = pipeline_spec_pb2.ParameterType
    numbers = {types.NUMBER_INTEGER, types.NUMBER_DOUBLE}
    kinds = {types.BOOLEAN: "bool_value", types.LIST: "list_value", types.STRUCT: "struct_value"}
    for name, spec in step.component.input_definitions.parameters.items():
        if name not in values:
            if not spec.is_optional and not spec.HasField("default_value"):
                raise RefusedError(
                    f"{step.name}: neither value nor default value provided for non-optional parameter {name!r}"
                )
            continue
        value = values[name]
        kind = value.WhichOneof("kind")
        if spec.parameter_type == types.STRING:
            if kind != "string_value":
                value.string_value = _text(value)
        elif kind != ("number_value" if spec.parameter_type in numbers else kinds[spec.parameter_type]):
            expected = types.ParameterTypeEnum.Name(spec.parameter_type)
            raise RefusedError(f"{step.name}: input parameter {name!r} type mismatch: expect {expected}, got {kind}")


def _text(value: Any) -> str:
    plain = json_format.MessageToDict(value)
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    return json.dumps(plain)
