"""The backend's memory: ML Metadata as Kubeflow's driver and launcher write and read it.

After backend/src/v2/metadata/client.go and converter.go of kubeflow/pipelines 2.16.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tests.kubeflow.backend.documents import RefusedError

EXECUTION_TYPE: Final = "system.ContainerExecution"
States = mlmd.Execution.State


class Metadata:
    """ML Metadata in the SQLite file `path`."""

    def __init__(self, path: Path):
        """Opens the file, which is made if missing."""
        connection = mlmd.ConnectionConfig()
        connection.sqlite.filename_uri = str(path)
        self._store = metadata_store.MetadataStore(connection)
        self._execution_type = self._store.put_execution_type(mlmd.ExecutionType(name=EXECUTION_TYPE))

    def begin(self, pipeline: str, run_id: str, task: str, inputs: Any, fingerprint: str) -> int:
        """Records that a task has begun. Returns the execution's id."""
        execution = mlmd.Execution(type_id=self._execution_type, last_known_state=States.RUNNING)
        texts = {"task_name": task, "run_id": run_id, "pipeline": pipeline, "cache_fingerprint": fingerprint}
        for name, text in texts.items():
            execution.custom_properties[name].string_value = text
        execution.custom_properties["inputs"].struct_value.CopyFrom(_struct(inputs.parameter_values))
        execution_id = int(self._store.put_executions([execution])[0])
        for name, artifacts in inputs.artifacts.items():
            for artifact in artifacts.artifacts:
                self._put_event(execution_id, name, int(artifact.name), mlmd.Event.INPUT)
        return execution_id

    def end(self, execution_id: int, state: int, parameters: Mapping[str, Any], artifacts: Mapping[str, int]) -> None:
        """Records how a task has ended, and the artifacts that it put out, by their names and ids."""
        [execution] = self._store.get_executions_by_id([execution_id])
        execution.last_known_state = state
        execution.custom_properties["outputs"].struct_value.CopyFrom(_struct(parameters))
        self._store.put_executions([execution])
        for name, artifact_id in artifacts.items():
            self._put_event(execution_id, name, artifact_id, mlmd.Event.OUTPUT)

    def cached(self, pipeline: str, fingerprint: str) -> int | None:
        """Returns the newest execution of `pipeline` that was complete and had the same `fingerprint`."""
        found = [
            execution
            for execution in self._store.get_executions_by_type(EXECUTION_TYPE)
            if execution.last_known_state == States.COMPLETE
            and execution.custom_properties["pipeline"].string_value == pipeline
            and execution.custom_properties["cache_fingerprint"].string_value == fingerprint
        ]
        return max((execution.id for execution in found), default=None)

    def record_artifact(self, output_name: str, artifact: Any, session: Mapping[str, Any]) -> int:
        """Records what a task put out. Returns the artifact's id."""
        title = artifact.type.schema_title or yaml.safe_load(artifact.type.instance_schema)["title"]
        recorded = mlmd.Artifact(
            type_id=self._store.put_artifact_type(mlmd.ArtifactType(name=title)),
            uri=artifact.uri,
            state=mlmd.Artifact.LIVE,
        )
        for name, value in artifact.metadata.fields.items():
            _set_property(recorded.custom_properties[name], name, value)
        if "display_name" not in recorded.custom_properties:
            recorded.custom_properties["display_name"].string_value = output_name
        recorded.custom_properties["store_session_info"].string_value = json.dumps(session)
        return int(self._store.put_artifacts([recorded])[0])

    def output_artifacts(self, execution_id: int) -> dict[str, int]:
        """Returns the ids of what an execution put out, by name."""
        return {
            event.path.steps[0].key: event.artifact_id
            for event in self._store.get_events_by_execution_ids([execution_id])
            if event.type == mlmd.Event.OUTPUT
        }

    def output_parameters(self, execution_id: int) -> dict[str, struct_pb2.Value]:
        """Returns the parameters that an execution put out."""
        [execution] = self._store.get_executions_by_id([execution_id])
        return dict(execution.custom_properties["outputs"].struct_value.fields)

    def runtime_artifact(self, artifact_id: int) -> Any:
        """Returns an artifact as a later task gets it: named by its id, and without its type."""
        [recorded] = self._store.get_artifacts_by_id([artifact_id])
        artifact = pipeline_spec_pb2.RuntimeArtifact(name=str(artifact_id), uri=recorded.uri)
        artifact.type.instance_schema = ""
        for name, value in recorded.custom_properties.items():
            kind = value.WhichOneof("value")
            if kind == "string_value":
                artifact.metadata.fields[name].string_value = value.string_value
            elif kind == "struct_value":
                artifact.metadata.fields[name].struct_value.CopyFrom(value.struct_value)
            else:
                artifact.metadata.fields[name].number_value = getattr(value, kind)
        return artifact

    def properties(self, artifact_id: int) -> dict[str, Any]:
        """Returns what is shown of an artifact: its type, its address and its properties."""
        [recorded] = self._store.get_artifacts_by_id([artifact_id])
        values = json_format.MessageToDict(self.runtime_artifact(artifact_id).metadata)
        return {"type": recorded.type, "uri": recorded.uri, **values}

    def _put_event(self, execution_id: int, name: str, artifact_id: int, kind: int) -> None:
        event = mlmd.Event(execution_id=execution_id, artifact_id=artifact_id, type=kind)
        event.path.steps.add().key = name
        self._store.put_events([event])


def _set_property(target: Any, name: str, value: Any) -> None:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        target.string_value = value.string_value
    elif kind == "number_value":
        target.double_value = value.number_value
    elif kind == "bool_value":
        target.int_value = int(value.bool_value)
    elif kind == "list_value":
        target.struct_value.fields["list"].list_value.CopyFrom(value.list_value)
    elif kind == "struct_value":
        target.struct_value.fields["struct"].struct_value.CopyFrom(value.struct_value)
    else:
        raise RefusedError(
            f"failed to convert RuntimeArtifact to MLMD artifact: {name}: unknown/unsupported value type {kind}"
        )


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    for name, value in values.items():
        struct.fields[name].CopyFrom(value)
    return struct
