"""Versions that may be in an object store, for tools that need a local folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import ReleaseError
from registry.push_folder import GRAPH_FILE, PushFolder, copy_version, newest_version
from storage import locations


@contextmanager
def local_version(source: str, leave_out: Sequence[str] = ()) -> Iterator[Path]:
    """Yields a version's local folder. A remote version is copied to a folder of the same name while the block runs.

    Args:
      source: a version's folder, or a push folder, which stands for its served version.
      leave_out: files that need not be copied, as paths relative to the version's folder.

    Raises:
      ReleaseError: there is no version, or it was removed meanwhile.
      StorageError: the object store refuses, or does not answer.
    """
    if not locations.is_remote(source):
        folder = Path(source)
        yield folder if (folder / GRAPH_FILE).is_file() else newest_version(folder)
        return
    version = _remote_version(source)
    with TemporaryDirectory(prefix="readalike-") as beside:
        folder = Path(beside, version.rpartition("/")[2])
        try:
            copy_version(version, str(folder), leave_out)
        except FileNotFoundError as error:
            raise ReleaseError(f"{version}: was removed while it was copied. Try again with what is there.") from error
        yield folder


@contextmanager
def remote_folder(location: str) -> Iterator[Path]:
    """Yields the path of a new local folder. When the block ends, copies it to `location`, `saved_model.pb` last.

    Raises:
      ReleaseError: `location` exists already.
      StorageError: the object store refuses, or does not answer.
    """
    if locations.entries(location):
        raise ReleaseError(f"{location}: is there already. Name a folder that is not; its versions stay as they are.")
    with TemporaryDirectory(prefix="readalike-") as beside:
        folder = Path(beside, "version")
        yield folder
        try:
            copy_version(str(folder), location)
        except BaseException:
            locations.remove_folder(location)
            raise


def _remote_version(source: str) -> str:
    folder = PushFolder(source)
    if locations.exists(folder.path(GRAPH_FILE)):
        return folder.location
    served = folder.served()
    if served is None:
        raise ReleaseError(f"--push-dir {source}: no model has been pushed there. Run local_runner.py first.")
    return folder.path(served)
