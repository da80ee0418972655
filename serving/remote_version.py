"""Versions that may be in an object store, where tools need a folder of files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from serving.pushed_model import newest_version
from transform import storage
from transform.errors import ReleaseError
from transform.push_folder import GRAPH_FILE, PushFolder, copy_version


@contextmanager
def local_version(source: str, leave_out: Sequence[str] = ()) -> Iterator[Path]:
    """Yields a version's folder: itself, or as long as the block runs a copy of what is remote, of the same name.

    Args:
      source: a version's folder, or a push folder: then it is the served version.
      leave_out: files that need not be copied, named from the version's folder.

    Raises:
      ReleaseError: there is none, or it was removed meanwhile.
      StorageError: the object store refuses, or does not answer.
    """
    if not storage.is_remote(source):
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
    """Yields the path of a folder to be made, and copies it to `location` when the block ends, `saved_model.pb` last.

    Raises:
      ReleaseError: something is there already.
      StorageError: the object store refuses, or does not answer.
    """
    if storage.entries(location):
        raise ReleaseError(f"{location}: is there already. Name a folder that is not; its versions stay as they are.")
    with TemporaryDirectory(prefix="readalike-") as beside:
        folder = Path(beside, "version")
        yield folder
        try:
            copy_version(str(folder), location)
        except BaseException:
            storage.remove_folder(location)
            raise


def _remote_version(source: str) -> str:
    folder = PushFolder(source)
    if storage.exists(folder.path(GRAPH_FILE)):
        return folder.location
    served = folder.served()
    if served is None:
        raise ReleaseError(f"--push-dir {source}: no model has been pushed there. Run local_runner.py first.")
    return folder.path(served)
