"""The push folder: `<push folder>/<version>/saved_model.pb`, of which TF Serving serves the highest number.

On a file system a version comes and goes by a rename, which is all or nothing. An object store cannot rename a folder:
there `saved_model.pb`, without which a folder is no version, is written last and deleted first.
"""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from transform import storage
from transform.errors import ReleaseError, StorageError
from transform.json_files import write_json

GRAPH_FILE: Final = "saved_model.pb"
STAGING_PREFIX: Final = ".incoming-"
PRUNED_PREFIX: Final = ".pruned-"
ABANDONED_AFTER_SECONDS: Final = 3600.0
MOST_VERSION: Final = 2**63 - 1


class PushFolder:
    """The versions in one folder, local or remote, through `transform.storage`."""

    def __init__(self, location: str):
        """Takes the folder's path or address. Nothing is read yet."""
        self.location = storage.without_end(location)
        self.remote = storage.is_remote(location)

    def path(self, name: str) -> str:
        """Returns where `name` is or would be."""
        return f"{self.location}/{name}"

    def versions(self) -> list[str]:
        """Returns the whole versions, oldest first."""
        return [name for name in self._numbers() if self._is_whole(name)]

    def served(self) -> str | None:
        """Returns the version that TF Serving serves, or None where nothing is pushed."""
        return max(self.versions(), key=int, default=None)

    def modified(self, name: str) -> float:
        """Returns when the file `name` was last written, in seconds after the epoch."""
        return storage.status(self.path(name)).modified

    def publish(self, staged: str, number: int = 0) -> str:
        """Moves the folder `staged` here in one step, as the version to be served. Local folders only.

        Args:
          staged: a whole version, on the same file system.
          number: the least number that it may get; where that is not the highest, it gets the next higher one.

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
                # Another push was faster.

    def push(self, source: str, notes: Mapping[str, Any], number: int = 0) -> str:
        """Copies the model in the folder `source` to a new version, which will be served.

        It appears whole or not at all. In an object store nobody else may push at the same time: two that choose the
        same number would mix their files.

        Args:
          source: a folder with a SavedModel, local or remote.
          notes: what else is to be written: text as it is, and all else as JSON, by the name of the file inside the
            version.
          number: the least number that it may get.

        Returns:
          The new version.

        Raises:
          ReleaseError: `source` is no model, or is none any more.
        """
        number = max(number, self._next_number())
        beside = self.path(str(number) if self.remote else f"{STAGING_PREFIX}{time.time_ns()}")
        try:
            for name, content in notes.items():
                if isinstance(content, str):
                    storage.write_bytes(content.encode(), f"{beside}/{name}")
                else:
                    write_json(content, f"{beside}/{name}")
            copy_version(source, beside, notes.keys())
            return str(number) if self.remote else self.publish(beside, number)
        except BaseException as error:
            with suppress(OSError, StorageError):
                storage.remove_folder(beside)
            if isinstance(error, FileNotFoundError):
                raise ReleaseError(
                    f"{source}: is no whole model, or was removed while it was copied. Name one that is still there."
                ) from error
            raise

    def copy(self, version: str, notes: Mapping[str, Any]) -> str:
        """Copies `version` to a new one, which will be served. As `push`, otherwise."""
        return self.push(self.path(version), notes)

    def prune(self, keep: int) -> list[str]:
        """Removes all but the newest `keep` versions. The served one is the newest of them, and stays.

        Args:
          keep: at least 1; 0 keeps all.

        Returns:
          What was removed, oldest first.
        """
        self.remove_leftovers()
        removed = self.versions()[:-keep] if keep > 0 else []
        for version in removed:
            self._remove(version)
        return removed

    def remove_leftovers(self) -> None:
        """Removes what killed runs left. A copy that changed within the last hour may still be being made: it stays."""
        for name in self._names():
            if name.startswith(PRUNED_PREFIX) or (
                (name.startswith(STAGING_PREFIX) or (self.remote and is_version(name) and not self._is_whole(name)))
                and time.time() - storage.last_change(self.path(name)) > ABANDONED_AFTER_SECONDS
            ):
                storage.remove_folder(self.path(name))

    def _remove(self, version: str) -> None:
        """Takes away first what makes it a version, so that nobody meets half of one."""
        folder = self.path(version)
        if self.remote:
            storage.remove_file(f"{folder}/{GRAPH_FILE}")
        else:
            folder = self.path(f"{PRUNED_PREFIX}{version}")
            Path(self.path(version)).rename(folder)
        storage.remove_folder(folder)

    def _is_whole(self, version: str) -> bool:
        return storage.exists(f"{self.path(version)}/{GRAPH_FILE}")

    def _names(self) -> list[str]:
        return [entry.name for entry in storage.entries(self.location)]

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
    """Returns whether TF Serving takes a folder of this name for a version: a number that fits into 64 bits."""
    return name.isascii() and name.isdigit() and int(name) <= MOST_VERSION


def copy_version(source: str, target: str, leave_out: Collection[str] = ()) -> None:
    """Copies the files of a version, what makes it one last.

    Args:
      source: the version's folder, local or remote.
      target: the new folder.
      leave_out: files that are not copied, named from the version's folder.

    Raises:
      FileNotFoundError: the version is none, or is being removed.
    """
    for name in storage.files(source):
        if name != GRAPH_FILE and name not in leave_out:
            storage.copy_file(f"{source}/{name}", f"{target}/{name}")
    # What is removed loses this file first: where it can be copied, all the others were there too.
    storage.copy_file(f"{source}/{GRAPH_FILE}", f"{target}/{GRAPH_FILE}")


def timestamp(seconds: float) -> str:
    """Returns the time `seconds` after the epoch as it stands in files: in UTC, to the second."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
