"""AtomicPusher: puts a blessed model into the push folder, whole or not at all, and keeps the folder tidy.

The stock Pusher copies file by file into `<push dir>/<version>`. A run killed in between leaves a folder that a model
server, or a person, takes for a model. It reaches no object store but Google's, and passes over what is not blessed.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx import v1 as tfx

from components.headline import describe, headline
from components.report.card_files import card_notes
from transform import features, storage
from transform.errors import GateError, ReleaseError, StorageError
from transform.json_files import read_json, write_json
from transform.progress import tell
from transform.push_folder import PushFolder, timestamp


@tfx.dsl.components.component
def AtomicPusher(  # noqa: N802 (components are nouns)
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    model_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelBlessing],
    infra_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.InfraBlessing],
    card: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    pushed_model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.PushedModel],
    push_dir: tfx.dsl.components.Parameter[str],
    keep_versions: tfx.dsl.components.Parameter[int],
) -> None:
    """Pushes the model if it is blessed, as the version to be served, and removes the oldest versions.

    Args:
      model: what Trainer exported.
      model_blessing: how good it is.
      infra_blessing: how it is served.
      card: the model card, which goes with the model.
      pushed_model: gets the properties that the stock Pusher sets (`pushed`, `pushed_destination`, `pushed_version`),
        the numbers that the model was blessed for, and the note that also stands beside the pushed model.
      push_dir: the push folder, local or remote.
      keep_versions: how many versions stay, the newest; 0: all.

    Raises:
      GateError: the model, or its serving, is not blessed.
      ReleaseError, StorageError: the push folder cannot be written.
    """
    blessings = [model_blessing, infra_blessing]
    require_blessings(blessings)
    folder = PushFolder(push_dir)
    note = {"pushed_at": timestamp(time.time()), **measured(blessings)}
    notes = {features.RELEASE_NOTE_FILE: note, **card_notes(card.uri)}
    version = push(f"{model.uri}/Format-Serving", folder, notes, keep_versions)
    write_json(note, f"{pushed_model.uri}/{features.RELEASE_NOTE_FILE}")
    pushed_model.set_int_custom_property("pushed", 1)
    describe(
        pushed_model,
        {"pushed_destination": folder.path(version), "pushed_version": version, **headline(note)},
    )


def push(model: str, folder: PushFolder, notes: Mapping[str, Any], keep: int) -> str:
    """Copies the SavedModel in the folder `model` into the push folder, and tidies that.

    Args:
      model: the folder with `saved_model.pb`.
      folder: where to.
      notes: what is to stand beside the model, by the name of the file inside the version.
      keep: how many versions stay, the newest; 0: all.

    Returns:
      The version: the time, unless that is not the highest number.

    Raises:
      ReleaseError: the folder cannot be written, or is full.
    """
    tidy(folder, 0)
    try:
        version = folder.push(model, notes, int(time.time()))
    except OSError as error:
        raise ReleaseError(
            f"--push-dir {folder.location}: cannot be written ({error.strerror or error}). What was served before "
            "still is. Make room there, or name a folder in which this user may write, and run again."
        ) from error
    tidy(folder, keep)
    return version


def require_blessings(blessings: Sequence[types.Artifact]) -> None:
    """Raises GateError, with the tables of what was checked, if any is no blessing; the stock Pusher does nothing."""
    refusing = [blessing for blessing in blessings if blessing.get_int_custom_property("blessed") != 1]
    tables = [storage.read_bytes(f"{blessing.uri}/{features.REFUSAL_FILE}").decode() for blessing in refusing]
    if tables:
        raise GateError("\n".join(("The new model is not pushed; what was served before stays:", *tables)))


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
    except (OSError, ReleaseError, StorageError) as error:
        tell(f"{folder.location}: could not be tidied ({error}). The next push tries again.")
