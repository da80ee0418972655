"""Reads the artifacts of a local run from ML Metadata, by step and output."""

from typing import Any, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.types import artifact_utils

# (step, output) -> artifact
Artifacts: TypeAlias = dict[tuple[str, str], Any]

RUN_CONTEXT = "pipeline_run"
NODE_CONTEXT = "node"


def artifacts_of_run(connection: Any, pipeline: str, pipeline_root: str, since: float) -> Artifacts:
    """Returns the finished artifacts of the newest run.

    Args:
      connection: connection to ML Metadata.
      pipeline: name of the pipeline.
      pipeline_root: folder of its artifacts, because other work folders may share the store.
      since: start of the run, in seconds since the epoch. Earlier runs are ignored.
    """
    with metadata.Metadata(connection) as handle:
        store = handle.store
        runs = [
            context
            for context in store.get_contexts_by_type(RUN_CONTEXT)
            if context.create_time_since_epoch >= since * 1000
        ]
        found: Artifacts = {}
        for run in sorted(runs, key=lambda context: context.create_time_since_epoch):
            for execution in store.get_executions_by_context(run.id):
                step = _step(store, execution, pipeline)
                found |= {
                    (step, output): artifact
                    for output, artifact in _outputs(store, execution)
                    if artifact.uri.startswith(f"{pipeline_root}/")
                }
        return found


def move_artifacts(connection: Any, old_root: str, new_root: str) -> None:
    """Replaces `old_root` by `new_root` in the artifact addresses in ML Metadata. Both are the same folder."""
    with metadata.Metadata(connection) as handle:
        moved = [artifact for artifact in handle.store.get_artifacts() if artifact.uri.startswith(f"{old_root}/")]
        for artifact in moved:
            artifact.uri = new_root + artifact.uri.removeprefix(old_root)
        handle.store.put_artifacts(moved)


def _step(store: Any, execution: Any, pipeline: str) -> str:
    [node] = [
        context.name
        for context in store.get_contexts_by_execution(execution.id)
        if context.type == NODE_CONTEXT and context.name.startswith(f"{pipeline}.")
    ] or [""]
    return node.removeprefix(f"{pipeline}.")


def _outputs(store: Any, execution: Any) -> list[tuple[str, Any]]:
    events = [
        event
        for event in store.get_events_by_execution_ids([execution.id])
        if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    artifacts = {
        artifact.id: artifact for artifact in store.get_artifacts_by_id([event.artifact_id for event in events])
    }
    live = metadata_store_pb2.Artifact.LIVE
    return [
        (event.path.steps[0].key, _as_tfx(store, artifacts[event.artifact_id]))
        for event in events
        if artifacts[event.artifact_id].state == live
    ]


def _as_tfx(store: Any, artifact: Any) -> Any:
    [kind] = store.get_artifact_types_by_id([artifact.type_id])
    return artifact_utils.deserialize_artifact(kind, artifact)
