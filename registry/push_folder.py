"""The push folder: `<push folder>/<version>/saved_model.pb`. TF Serving serves the highest version.

On a file system a rename adds or removes a version, whole or not at all. An object store cannot rename a folder. There
`saved_model.pb`, without which a folder is no version, is written last and deleted first.
"""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from core.errors import ReleaseError, StorageError
from storage import locations
from storage.json_files import write_json

GRAPH_FILE: Final = "saved_model.pb"
STAGING_PREFIX: Final = ".incoming-"
PRUNED_PREFIX: Final = ".pruned-"
ABANDONED_AFTER_SECONDS: Final = 3600.0
MOST_VERSION: Final = 2**63 - 1


class PushFolder:
    """The versions in one folder, local or remote, through `storage.locations`."""

    def __init__(self, location: str):
        """Stores the folder's path or address. Nothing is read yet."""
        self.location = locations.without_end(location)
        self.remote = locations.is_remote(location)

    def path(self, name: str) -> str:
        """Returns the path or address of `name`, which need not exist."""
        return f"{self.location}/{name}"

    def versions(self) -> list[str]:
        """Returns the complete versions, oldest first."""
        return [name for name in self._numbers() if self._is_whole(name)]

    def served(self) -> str | None:
        """Returns the version that TF Serving serves, or None if nothing is pushed."""
        return max(self.versions(), key=int, default=None)

    def modified(self, name: str) -> float:
        """Returns when the file `name` was last written, in seconds after the epoch."""
        return locations.status(self.path(name)).modified

    def publish(self, staged: str, number: int = 0) -> str:
        """Renames the folder `staged` to a new version, which is then served. Local folders only.

        Args:
          staged: a complete version, on the same file system.
          number: minimum version number. The new version always gets a higher number than all others.

        Returns:
          The new version.
        """
        while True:
            number = max(number, self._next_number())
            target = Path(self.path(str(number)))
            try:
                return Path(staged).rename(target).name
            except OSError:
                if not target.exists():
                    raise
                # Another push took this number.

    def push(self, source: str, notes: Mapping[str, Any], number: int = 0) -> str:
        """Copies the model in the folder `source` to a new version, which is then served.

        The version appears whole or not at all. In an object store two pushes must not run at the same time: with the
        same number they would mix their files.

        Args:
          source: a folder with a SavedModel, local or remote.
          notes: contents of additional files, by file name inside the version. A string is written as text, everything
            else as JSON.
          number: minimum version number, as in `publish`.

        Returns:
          The new version.

        Raises:
          ReleaseError: `source` is no complete model, or was removed meanwhile.
        """
        number = max(number, self._next_number())
        beside = self.path(str(number) if self.remote else f"{STAGING_PREFIX}{time.time_ns()}")
        try:
            for name, content in notes.items():
                if isinstance(content, str):
                    locations.write_bytes(content.encode(), f"{beside}/{name}")
                else:
                    write_json(content, f"{beside}/{name}")
            copy_version(source, beside, notes.keys())
            return str(number) if self.remote else self.publish(beside, number)
        except BaseException as error:
            with suppress(OSError, StorageError):
                locations.remove_folder(beside)
            if isinstance(error, FileNotFoundError):
                raise ReleaseError(
                    f"{source}: is no whole model, or was removed while it was copied. Name one that is still there."
                ) from error
            raise

    def copy(self, version: str, notes: Mapping[str, Any]) -> str:
        """Copies `version` with `notes` to a new version, which is then served; see `push`."""
        return self.push(self.path(version), notes)

    def prune(self, keep: int) -> list[str]:
        """Removes all but the newest `keep` versions. The served version is the newest, so it stays.

        Args:
          keep: number of versions to keep; 0 keeps all.

        Returns:
          The removed versions, oldest first.
        """
        self.remove_leftovers()
        removed = self.versions()[:-keep] if keep > 0 else []
        for version in removed:
            self._remove(version)
        return removed

    def remove_leftovers(self) -> None:
        """Removes what killed runs left. A copy that changed within the last hour stays: it may be in progress."""
        for name in self._names():
            if name.startswith(PRUNED_PREFIX) or (
                (name.startswith(STAGING_PREFIX) or (self.remote and is_version(name) and not self._is_whole(name)))
                and time.time() - locations.last_change(self.path(name)) > ABANDONED_AFTER_SECONDS
            ):
                locations.remove_folder(self.path(name))

    def _remove(self, version: str) -> None:
        """Removes `version`. Its folder stops being a version first, so that nobody reads half of one."""
        folder = self.path(version)
        if self.remote:
            locations.remove_file(f"{folder}/{GRAPH_FILE}")
        else:
            folder = self.path(f"{PRUNED_PREFIX}{version}")
            Path(self.path(version)).rename(folder)
        locations.remove_folder(folder)

    def _is_whole(self, version: str) -> bool:
        return locations.exists(f"{self.path(version)}/{GRAPH_FILE}")

    def _names(self) -> list[str]:
        return [entry.name for entry in locations.entries(self.location)]

    def _numbers(self) -> list[str]:
        return sorted(filter(is_version, self._names()), key=int)

    def _next_number(self) -> int:
        number = 1 + max(map(int, self._numbers()), default=0)
        if number > MOST_VERSION:
            raise ReleaseError(
                f"{self.location}: has the version {MOST_VERSION}, the highest that TF Serving can read, so that no "
                "newer one can be served. Remove or rename that folder."
            )
        return number


def is_version(name: str) -> bool:
    """Returns True if TF Serving takes a folder of this name as a version: a number that fits into 64 bits."""
    return name.isascii() and name.isdigit() and int(name) <= MOST_VERSION


def copy_version(source: str, target: str, leave_out: Collection[str] = ()) -> None:
    """Copies the files of a version, `saved_model.pb` last.

    Args:
      source: the version's folder, local or remote.
      target: the new folder.
      leave_out: files that are not copied, as paths relative to the version's folder.

    Raises:
      FileNotFoundError: `source` is no version, or is being removed.
    """
    for name in locations.files(source):
        if name != GRAPH_FILE and name not in leave_out:
            locations.copy_file(f"{source}/{name}", f"{target}/{name}")
    # A removal deletes this file first. If it can still be copied, all the other files were there, too.
    locations.copy_file(f"{source}/{GRAPH_FILE}", f"{target}/{GRAPH_FILE}")


def timestamp(seconds: float) -> str:
    """Returns the time `seconds` after the epoch in the format of our files: in UTC, to the second."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def newest_version(push_dir: Path) -> Path:
    """Returns the folder of the version that TF Serving would serve, in a local push folder.

    Raises:
      ReleaseError: there is no version.
    """
    served = PushFolder(str(push_dir)).served()
    if served is None:
        raise ReleaseError(f"--push-dir {push_dir}: no model has been pushed there. Run local_runner.py first.")
    return push_dir / served
