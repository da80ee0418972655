"""Where a step finds its artifacts: the folders at which Kubeflow's launcher puts what an object store holds.

The launcher downloads a step's inputs before, and uploads its outputs after it: what is at `minio://bucket/key` for
the pipeline is at `/minio/bucket/key` for the process. TensorFlow's file system knows neither `minio://` nor `s3://`,
so the executor works on those folders, whatever the store is.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

FOLDERS: Final = {"gs": "gcs", "s3": "s3", "minio": "minio"}

# Artifact types of the backend's own, such as that of the log which it adds to the outputs of every step.
SYSTEM_TYPES: Final = "system."

# Folder that stands for the root of the file system, for who may not write there.
ROOT_VARIABLE: Final = "READALIKE_LAUNCHER_ROOT"


def launcher_root() -> str:
    """Returns the folder in which `gcs`, `s3` and `minio` are."""
    return os.environ.get(ROOT_VARIABLE) or "/"


def local_folder(uri: str, root: str = "/") -> str:
    """Returns where the launcher has the artifact at `uri`; an address of no object store is returned as it is."""
    scheme, separator, key = uri.partition("://")
    if not separator or scheme not in FOLDERS:
        return uri
    return str(Path(root, FOLDERS[scheme], key))


class ArtifactFolders:
    """The artifacts of one step, by address and by folder."""

    def __init__(self, executor_input: Any, root: str):
        """Takes the step's `ExecutorInput`, with addresses."""
        uris = {artifact.uri for artifact in _artifacts(executor_input.inputs.artifacts)}
        uris |= {artifact.uri for artifact in _artifacts(executor_input.outputs.artifacts)}
        # The longest first: one address may begin with another, `…/model_run` with `…/model`.
        self._pairs = [
            (uri, local_folder(uri, root)) for uri in sorted(uris, key=len, reverse=True) if local_folder(uri) != uri
        ]

    def make_local(self, executor_input: Any) -> None:
        """Replaces addresses by folders in an `ExecutorInput`, in the artifacts' properties too."""
        for artifact in _artifacts(executor_input.inputs.artifacts):
            _replace(artifact, self._local)
        for artifact in _artifacts(executor_input.outputs.artifacts):
            _replace(artifact, self._local)

    def make_remote(self, executor_output: Any) -> None:
        """Replaces folders by addresses in an `ExecutorOutput`: in artifacts, their properties and in parameters.

        Properties without a value go: the backend's store of metadata refuses them.
        """
        for artifact in _artifacts(executor_output.artifacts):
            _replace(artifact, self._remote)
            for name in [name for name, value in artifact.metadata.fields.items() if value.HasField("null_value")]:
                del artifact.metadata.fields[name]
        _replace_values(executor_output.parameter_values.values(), self._remote)

    def _local(self, text: str) -> str:
        for uri, folder in self._pairs:
            text = text.replace(uri, folder)
        return text

    def _remote(self, text: str) -> str:
        for uri, folder in self._pairs:
            text = text.replace(folder, uri)
        return text


def restore_types(executor_input: Any, inputs_spec: Any) -> None:
    """Gives the input artifacts of `executor_input` the types that the compiler declared for them.

    Kubeflow's backend hands inputs on without their type, and TFX's executor fails without one
    (https://github.com/tensorflow/tfx/issues/7768).
    """
    for name, artifacts in executor_input.inputs.artifacts.items():
        if name in inputs_spec.artifacts:
            for artifact in artifacts.artifacts:
                artifact.type.CopyFrom(inputs_spec.artifacts[name].artifact_type)


def leave_out_system_outputs(executor_input: Any) -> None:
    """Takes the backend's own outputs out of `executor_input`: TFX has no type for them, and the launcher writes them.

    From release 2.5 on that is `executor-logs`, unless the administrator has turned `PUBLISH_LOGS` off.
    """
    outputs = executor_input.outputs.artifacts
    for name in [
        name
        for name, artifacts in outputs.items()
        if any(artifact.type.schema_title.startswith(SYSTEM_TYPES) for artifact in artifacts.artifacts)
    ]:
        del outputs[name]


def make_output_folders(executor_input: Any, is_file: Callable[[Any], bool]) -> None:
    """Makes what the executor expects to exist: a folder for each output, and around those that are one file.

    Args:
      executor_input: with folders instead of addresses.
      is_file: tells whether an artifact of that type is one file.
    """
    for artifact in _artifacts(executor_input.outputs.artifacts):
        if "://" not in artifact.uri:
            folder = Path(artifact.uri).parent if is_file(artifact.type) else Path(artifact.uri)
            folder.mkdir(parents=True, exist_ok=True)


def _artifacts(lists: Mapping[str, Any]) -> Iterator[Any]:
    for artifacts in lists.values():
        yield from artifacts.artifacts


def _replace(artifact: Any, change: Callable[[str], str]) -> None:
    artifact.uri = change(artifact.uri)
    _replace_values(artifact.metadata.fields.values(), change)


def _replace_values(values: Iterable[Any], change: Callable[[str], str]) -> None:
    for value in values:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            value.string_value = change(value.string_value)
        elif kind == "struct_value":
            _replace_values(value.struct_value.fields.values(), change)
        elif kind == "list_value":
            _replace_values(value.list_value.values, change)
