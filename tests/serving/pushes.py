"""A push as the pipeline's last component does it."""

import shutil
from pathlib import Path
from typing import Any

ARTIFACT = "artifact"


def bring_artifact(model: Path, folder: Path) -> None:
    """Copies a model to `folder` as Trainer leaves it."""
    shutil.copytree(model, folder / ARTIFACT / "Format-Serving")


def push(push_dir: Path, folder: Path) -> None:
    """Pushes the artifact that is in `folder`."""
    # Seconds to import: not for those who do other things to a push folder.
    from tfx import v1 as tfx
    from tfx.utils import proto_utils

    from components.atomic_pusher import AtomicPusherExecutor

    model: Any = tfx.types.standard_artifacts.Model()
    model.uri = str(folder / ARTIFACT)
    pushed: Any = tfx.types.standard_artifacts.PushedModel()
    pushed.uri = str(folder / "pushed")
    filesystem = tfx.proto.PushDestination.Filesystem(base_directory=str(push_dir))
    destination = proto_utils.proto_to_json(tfx.proto.PushDestination(filesystem=filesystem))
    AtomicPusherExecutor().Do({"model": [model]}, {"pushed_model": [pushed]}, {"push_destination": destination})
