"""Translates addresses of artifacts in an object store to the folders of Kubeflow's launcher, and back.

The launcher downloads a step's inputs before the step, and uploads its outputs afterwards. The artifact
`minio://bucket/key` is at `/minio/bucket/key` for the process. TensorFlow's file system supports neither `minio://` nor
`s3://`, so the executor uses these folders for every store.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

FOLDERS: Final = {"gs": "gcs", "s3": "s3", "minio": "minio"}

# Prefix of the backend's own artifact types, such as that of the log that it adds to the outputs of every step.
SYSTEM_TYPES: Final = "system."

# Folder in place of the root of the file system, for processes that cannot write there.
ROOT_VARIABLE: Final = "READALIKE_LAUNCHER_ROOT"


def launcher_root() -> str:
    """Returns the folder that contains `gcs`, `s3` and `minio`."""
    return os.environ.get(ROOT_VARIABLE) or "/"


def local_folder(uri: str, root: str = "/") -> str:
    """Returns the launcher's folder for the artifact at `uri`; other addresses are returned unchanged."""
    scheme, separator, key = uri.partition("://")
    if not separator or scheme not in FOLDERS:
        return uri
    return str(Path(root, FOLDERS[scheme], key))


class ArtifactFolders:
    """The artifacts of one step, by address and by folder."""

    def __init__(self, executor_input: Any, root: str):
        """Reads the addresses from the step's `ExecutorInput`."""
        uris = {artifact.uri for artifact in _artifacts(executor_input.inputs.artifacts)}
        uris |= {artifact.uri for artifact in _artifacts(executor_input.outputs.artifacts)}
        # Longest first, because an address can be a prefix of another: `…/model` of `…/model_run`.
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

        It removes properties without a value, because the backend's metadata store refuses them.
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
    """Sets the types of the input artifacts of `executor_input` to those that the compiler declared.

    Kubeflow's backend passes inputs without their type, and TFX's executor fails without it
    (https://github.com/tensorflow/tfx/issues/7768).
    """
    for name, artifacts in executor_input.inputs.artifacts.items():
        if name in inputs_spec.artifacts:
            for artifact in artifacts.artifacts:
                artifact.type.CopyFrom(inputs_spec.artifacts[name].artifact_type)


def leave_out_system_outputs(executor_input: Any) -> None:
    """Removes the backend's own outputs from `executor_input`: TFX has no type for them, and the launcher writes them.

    From release 2.5 on this is `executor-logs`, unless the administrator has turned `PUBLISH_LOGS` off.
    """
    outputs = executor_input.outputs.artifacts
    for name in [
        name
        for name, artifacts in outputs.items()
        if any(artifact.type.schema_title.startswith(SYSTEM_TYPES) for artifact in artifacts.artifacts)
    ]:
        del outputs[name]


def make_output_folders(executor_input: Any, is_file: Callable[[Any], bool]) -> None:
    """Creates the folders that the executor expects: each output's folder, or the parent folder of an output file.

    Args:
      executor_input: the input with folders instead of addresses.
      is_file: returns True if artifacts of a type are single files.
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
