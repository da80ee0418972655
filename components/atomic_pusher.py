"""The stock Pusher, with an executor that never shows a half-written version and keeps the push folder tidy.

The stock executor copies file by file into `<push dir>/<version>`. A run killed in between leaves a folder that a model
server, or a person, takes for a model. This one lets it copy into a hidden folder beside, and renames. Then it removes
the oldest versions.
"""

import time
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tfx import types
from tfx import v1 as tfx
from tfx.components.pusher import executor as stock_pusher  # Neither it nor executor specs are in a public module.
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import json_utils, proto_utils

from transform import features
from transform.errors import GateError, ReleaseError
from transform.json_files import read_json, write_json
from transform.progress import tell
from transform.push_folder import STAGING_PREFIX, PushFolder, timestamp

KEEP_VERSIONS: Final = "keep_versions"


class AtomicPusherExecutor(stock_pusher.Executor):
    """Copies beside, then renames. Object stores cannot rename: there the stock order stays, `saved_model.pb` last."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model as the stock executor does; see `tfx.components.pusher.executor.Executor.Do`.

        `custom_config` may say how many versions stay, as `keep_versions`; 0, the default, keeps all.

        Raises:
          GateError: the model, or its serving, is not blessed.
        """
        blessings = [*input_dict.get("model_blessing", []), *input_dict.get("infra_blessing", [])]
        for blessing in blessings:
            require_blessing(blessing)
        destination = pusher_pb2.PushDestination()
        if exec_properties["push_destination"].startswith("{"):
            proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        else:  # A run-time parameter is the plain location.
            destination.filesystem.base_directory = exec_properties["push_destination"]
            exec_properties = {**exec_properties, "push_destination": proto_utils.proto_to_json(destination)}
        folder = PushFolder(destination.filesystem.base_directory)
        keep = (json_utils.loads(exec_properties.get("custom_config") or "null") or {}).get(KEEP_VERSIONS, 0)
        note = {"pushed_at": timestamp(time.time()), **measured(blessings)}
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if folder.remote:
            super().Do(input_dict, output_dict, exec_properties)
            final = pushed_model.get_string_custom_property("pushed_destination")
            if final:
                write_json(note, f"{final}/{features.RELEASE_NOTE_FILE}")
                tidy(folder, keep)
            return
        Path(folder.location).mkdir(parents=True, exist_ok=True)
        tidy(folder, 0)
        staging = Path(folder.path(f"{STAGING_PREFIX}{time.time_ns()}"))
        destination.filesystem.base_directory = str(staging)
        super().Do(
            input_dict, output_dict, {**exec_properties, "push_destination": proto_utils.proto_to_json(destination)}
        )
        if staging.is_dir():
            [staged] = staging.iterdir()
            write_json(note, f"{staged}/{features.RELEASE_NOTE_FILE}")
            version = folder.publish(str(staged), int(staged.name))
            staging.rmdir()
            self._MarkPushed(pushed_model, pushed_destination=folder.path(version), pushed_version=version)
            tidy(folder, keep)


class AtomicPusher(tfx.components.Pusher):
    """Stock Pusher in all but the moment at which a version appears. Takes the same arguments."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AtomicPusherExecutor)


def require_blessing(blessing: types.Artifact) -> None:
    """Raises GateError, with the table of what was checked, if `blessing` is none; the stock Pusher does nothing."""
    if blessing.get_int_custom_property("blessed") == 1:
        return
    with tfx.dsl.io.fileio.open(f"{blessing.uri}/{features.REFUSAL_FILE}", "r") as file:
        raise GateError(f"The new model is not pushed; what was served before stays:\n{file.read()}")


def measured(blessings: list[types.Artifact]) -> dict[str, Any]:
    """Returns what the blessings say of the model's quality, data and serving; nothing where none says anything."""
    found: dict[str, Any] = {}
    for blessing in blessings:
        found |= read_json(f"{blessing.uri}/{features.MEASURED_FILE}") or {}
    return found


def tidy(folder: PushFolder, keep: int) -> None:
    """Removes what killed runs left, and all but the newest `keep` versions. A push does not fail because of it."""
    try:
        for version in folder.prune(keep):
            tell(f"removed version {version}: --keep-versions {keep}")
    except (OSError, ReleaseError, tf.errors.OpError) as error:
        tell(f"{folder.location}: could not be tidied ({error}). The next push tries again.")
