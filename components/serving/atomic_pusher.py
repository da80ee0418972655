"""AtomicPusher: pushes a blessed model into the push folder atomically, and removes old versions.

The stock Pusher copies file by file into `<push dir>/<version>`. A run killed in between leaves a partial folder that
a model server, or a person, takes for a model. The stock Pusher supports no object store but Google's, and skips a
model that is not blessed.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx import v1 as tfx

from components.artifacts.card_notes import card_notes
from components.artifacts.headline import describe, headline
from core.errors import GateError, ReleaseError, StorageError
from core.progress import tell
from registry.push_folder import PushFolder, timestamp
from storage import locations
from storage.json_files import read_json, write_json
from transform import features


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
    """Pushes a blessed model as the version to be served, and removes the oldest versions.

    Args:
      model: the model that Trainer exported.
      model_blessing: RetrievalEvaluator's verdict on its quality.
      infra_blessing: ServingValidator's verdict on its serving.
      card: the model card, which is pushed with the model.
      pushed_model: receives the stock Pusher's properties (`pushed`, `pushed_destination`, `pushed_version`), the
        blessings' measurements, and the release note, which is also written beside the pushed model.
      push_dir: the push folder, local or remote.
      keep_versions: number of newest versions to keep; 0: all.

    Raises:
      GateError: a blessing is missing.
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
    """Copies the SavedModel in the folder `model` into the push folder, and removes old versions.

    Args:
      model: the folder with `saved_model.pb`.
      folder: the push folder.
      notes: contents of the files to write beside the model, by file name inside the version.
      keep: number of newest versions to keep; 0: all.

    Returns:
      The version: the current time in seconds, or a higher number if a version is already as high.

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
    """Raises GateError, with the tables of checks, if any artifact is not blessed; the stock Pusher only skips."""
    refusing = [blessing for blessing in blessings if blessing.get_int_custom_property("blessed") != 1]
    tables = [locations.read_bytes(f"{blessing.uri}/{features.REFUSAL_FILE}").decode() for blessing in refusing]
    if tables:
        raise GateError("\n".join(("The new model is not pushed; what was served before stays:", *tables)))


def measured(blessings: list[types.Artifact]) -> dict[str, Any]:
    """Returns the blessings' measurements of the model's quality, data and serving; empty if there are none."""
    found: dict[str, Any] = {}
    for blessing in blessings:
        found |= read_json(f"{blessing.uri}/{features.MEASURED_FILE}") or {}
    return found


def tidy(folder: PushFolder, keep: int) -> None:
    """Removes leftovers of killed runs and all but the newest `keep` versions. It logs errors: a push must not fail."""
    try:
        for version in folder.prune(keep):
            tell(f"removed version {version}: --keep-versions {keep}")
    except (OSError, ReleaseError, StorageError) as error:
        tell(f"{folder.location}: could not be tidied ({error}). The next push tries again.")
