"""The history of a push folder: its versions with push times and metrics, and rollback to an earlier one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from core.errors import ReleaseError
from registry.push_folder import GRAPH_FILE, PushFolder, timestamp
from registry.release_notes import NOTES, read_note
from transform import features


class Release(NamedTuple):
    """A version, with the notes beside its model."""

    version: str
    served: bool
    pushed_at: str
    """When the version appeared in the push folder; without a note of that, when its graph was written."""
    facts: dict[str, Any]
    """Trainer's note; empty if missing."""
    note: dict[str, Any]
    """Pusher's note, with `measured` and `data_sha256`; empty for versions older than this note."""
    rollback: dict[str, Any]
    """A rollback's note: `copy_of`, `rolled_back_from`, `rolled_back_at`; empty if no rollback made the version."""
    damage: str
    """Which of these notes are unusable, and why; empty if none is. An unusable note counts as missing."""

    @property
    def origin(self) -> str:
        """The version in which this model was first pushed."""
        return str(self.rollback.get("copy_of", self.version))

    @property
    def measured(self) -> dict[str, Any]:
        """Hold-out metrics by name, and the size of the hold-out; empty if unknown."""
        measured = self.note.get("measured")
        return measured if isinstance(measured, dict) else {}

    @property
    def recall(self) -> float | None:
        """Recall@20 on the hold-out of its run; None if unknown."""
        recall = self.measured.get("recall_at_20")
        value = recall.get("value") if isinstance(recall, dict) else None
        return float(value) if isinstance(value, int | float) else None


def read_history(folder: PushFolder) -> list[Release]:
    """Returns the versions in `folder`, oldest first; the last one is served.

    Raises:
      ReleaseError: there is no version.
    """
    versions = folder.versions()
    if not versions:
        raise ReleaseError(f"--push-dir {folder.location}: no model has been pushed there. Run local_runner.py first.")
    return [_read_release(folder, version, served=version == versions[-1]) for version in versions]


def read_release(folder: PushFolder, version: str) -> Release:
    """Returns one version.

    Raises:
      ReleaseError: there is no such version.
    """
    return _read_release(folder, *_find(folder, version))


def roll_back(
    folder: PushFolder, now: float, to: str | None = None, history: Sequence[Release] | None = None
) -> Release:
    """Serves an earlier model again, as a copy with the highest number, so that the history stays as it was.

    The default is the model that was pushed before the served one. If the served version is itself a copy, the default
    is the version before its original: a model that was rolled back does not return.

    Args:
      folder: the push folder.
      now: the time, in seconds after the epoch.
      to: the version to roll back to; None: the default.
      history: the result of `read_history` for the folder; None: it is read here.

    Returns:
      The new version.

    Raises:
      ReleaseError: there is no such version, no earlier one, or it is served already.
    """
    history = history or read_history(folder)
    served = history[-1]
    if to is None:
        earlier = [release for release in history if int(release.version) < int(served.origin)]
        if not earlier:
            original = "" if served.origin == served.version else f", a copy of {served.origin},"
            raise ReleaseError(
                f"{folder.location}: version {served.version}{original} is served, and there is none before it. "
                "Name one with --to, or push a better model."
            )
        target = earlier[-1]
    else:
        version, _ = _find(folder, to)
        target = next(release for release in history if release.version == version)
    if target.version == served.version:
        raise ReleaseError(f"--to {to}: that version is served already. Name an earlier one, or leave --to out.")
    rollback = {
        "copy_of": target.origin,
        "rolled_back_from": served.version,
        "rolled_back_at": timestamp(now),
    }
    return read_release(folder, folder.copy(target.version, {features.ROLLBACK_FILE: rollback}))


def _find(folder: PushFolder, version: str) -> tuple[str, bool]:
    """Returns `version`, and whether it is served."""
    versions = folder.versions()
    if version not in versions:
        there = ", ".join(versions) or "none"
        raise ReleaseError(f"{folder.location}: has no whole version {version}. Those that are there: {there}.")
    return version, version == versions[-1]


def _read_release(folder: PushFolder, version: str, served: bool) -> Release:
    contents, damage = [], []
    for name in NOTES:
        try:
            contents.append(read_note(folder.path(version), name))
        except ReleaseError as error:
            contents.append({})
            damage.append(str(error))
    facts, note, rollback = contents
    pushed_at = rollback.get("rolled_back_at") or note.get("pushed_at")
    if not pushed_at:
        pushed_at = timestamp(folder.modified(f"{version}/{GRAPH_FILE}"))
    return Release(version, served, str(pushed_at), facts, note, rollback, "\n".join(damage))
