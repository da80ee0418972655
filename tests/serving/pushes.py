"""A push as the pipeline's last component does it."""

import shutil
import time
from pathlib import Path

from registry.push_folder import PushFolder, timestamp
from transform import features

ARTIFACT = "artifact"


def bring_artifact(model: Path, folder: Path) -> None:
    """Copies a model to `folder` as Trainer leaves it."""
    shutil.copytree(model, folder / ARTIFACT / "Format-Serving")


def push(push_dir: Path, folder: Path) -> None:
    """Pushes the artifact that is in `folder`."""
    from components.serving import atomic_pusher

    notes = {features.RELEASE_NOTE_FILE: {"pushed_at": timestamp(time.time())}}
    atomic_pusher.push(str(folder / ARTIFACT / "Format-Serving"), PushFolder(str(push_dir)), notes, keep=0)
