"""The stock Pusher, with an executor that never shows a half-written version.

The stock executor copies file by file into `<push dir>/<version>`. A run killed in between leaves a folder that a model
server, or a person, takes for a model. This one lets it copy into a hidden folder beside, and renames.
"""

import shutil
import time
from pathlib import Path
from typing import Any, Final

from tfx import types
from tfx import v1 as tfx
from tfx.components.pusher import executor as stock_pusher  # Neither it nor executor specs are in a public module.
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from transform import features
from transform.errors import GateError

STAGING_PREFIX: Final = ".incoming-"
ABANDONED_AFTER_SECONDS: Final = 3600.0


class AtomicPusherExecutor(stock_pusher.Executor):
    """Copies beside, then renames. Object stores cannot rename: there the stock order stays, `saved_model.pb` last."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model as the stock executor does; see `tfx.components.pusher.executor.Executor.Do`.

        Raises:
          GateError: the model is not blessed.
        """
        for blessing in input_dict.get("model_blessing", []):
            require_blessing(blessing)
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        base_directory = destination.filesystem.base_directory
        if "://" in base_directory:
            super().Do(input_dict, output_dict, exec_properties)
            return
        base = Path(base_directory)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        base.mkdir(parents=True, exist_ok=True)
        remove_abandoned(base)
        staging = base / f"{STAGING_PREFIX}{time.time_ns()}"
        destination.filesystem.base_directory = str(staging)
        super().Do(
            input_dict, output_dict, {**exec_properties, "push_destination": proto_utils.proto_to_json(destination)}
        )
        if staging.is_dir():
            [version] = staging.iterdir()
            final = publish(version, base)
            staging.rmdir()
            self._MarkPushed(pushed_model, pushed_destination=str(final), pushed_version=final.name)


class AtomicPusher(tfx.components.Pusher):
    """Stock Pusher in all but the moment at which a version appears. Takes the same arguments."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AtomicPusherExecutor)


def require_blessing(blessing: types.Artifact) -> None:
    """Raises GateError, with the table of what was checked, if `blessing` is none; the stock Pusher does nothing."""
    if blessing.get_int_custom_property("blessed") == 1:
        return
    with tfx.dsl.io.fileio.open(f"{blessing.uri}/{features.REFUSAL_FILE}", "r") as file:
        raise GateError(f"The new model is not pushed; what was served before stays:\n{file.read()}")


def publish(version: Path, base: Path) -> Path:
    """Moves the folder `version` into `base` in one step, under its own number or the next one that is free.

    Returns:
      The folder under its new name.
    """
    number = int(version.name)
    while True:
        final = base / str(number)
        if not final.exists():
            version.rename(final)
            return final
        number += 1


def remove_abandoned(base: Path) -> None:
    """Removes what killed runs left beside the versions. What is younger than an hour may still be in use: it stays."""
    for folder in base.glob(f"{STAGING_PREFIX}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(folder)
