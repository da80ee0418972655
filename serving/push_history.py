"""The history of a push folder: what was pushed when, how good it was, and which version to go back to."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from transform import features
from transform.errors import ReleaseError
from transform.push_folder import GRAPH_FILE, PushFolder, timestamp
from transform.release_notes import NOTES, read_note


class Release(NamedTuple):
    """A version, and what stands beside its model."""

    version: str
    served: bool
    pushed_at: str
    """When it appeared in the push folder; for a version without a note of that, when its graph was written."""
    facts: dict[str, Any]
    """What Trainer knew; empty where that is missing."""
    note: dict[str, Any]
    """What Pusher knew: `measured`, `data_sha256`; empty for a version of before there were notes."""
    rollback: dict[str, Any]
    """Of a version that a rollback made: `copy_of`, `rolled_back_from`, `rolled_back_at`. Else empty."""
    damage: str
    """Which of these files cannot be used, and why; empty if all can. What cannot be used is taken as missing."""

    @property
    def origin(self) -> str:
        """The version that was pushed with this model."""
        return str(self.rollback.get("copy_of", self.version))

    @property
    def measured(self) -> dict[str, Any]:
        """Metrics of the hold-out by name, and how large it was; empty if not known."""
        measured = self.note.get("measured")
        return measured if isinstance(measured, dict) else {}

    @property
    def recall(self) -> float | None:
        """Recall@20 on the hold-out of its run; None if not known."""
        recall = self.measured.get("recall_at_20")
        value = recall.get("value") if isinstance(recall, dict) else None
        return float(value) if isinstance(value, int | float) else None


def read_history(folder: PushFolder) -> list[Release]:
    """Returns the versions in `folder`, oldest first; the last one is served.

    Raises:
      ReleaseError: there is none.
    """
    versions = folder.versions()
    if not versions:
        raise ReleaseError(f"--push-dir {folder.location}: no model has been pushed there. Run local_runner.py first.")
    return [_read_release(folder, version, served=version == versions[-1]) for version in versions]


def read_release(folder: PushFolder, version: str) -> Release:
    """Returns one version.

    Raises:
      ReleaseError: it is not there.
    """
    return _read_release(folder, *_find(folder, version))


def roll_back(
    folder: PushFolder, now: float, to: str | None = None, history: Sequence[Release] | None = None
) -> Release:
    """Has an earlier model served again: as a copy with the highest number, so that the history stays as it was.

    Without `to` it is the model that was pushed before the served one. If the served one is itself a copy, that is the
    one before its original: what was rolled back from does not come again.

    Args:
      folder: the push folder.
      now: the time, in seconds after the epoch.
      to: the version to go back to.
      history: what `read_history` says of the folder; None: it is read here.

    Returns:
      The new version.

    Raises:
      ReleaseError: there is no such version, or it is served already.
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
    """Returns the version, and whether it is served."""
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
