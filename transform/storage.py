"""Files that may be remote: `gs://`, `s3://` and `minio://` through pyarrow.fs, all else on the local file system.

A local failure is the system's own OSError. A remote one is a StorageError, which says where, why, and what to do. What
is not there is a FileNotFoundError on both. Folders need not be made: they come with their files.
"""

from shutil import copyfileobj
from typing import BinaryIO

from transform.files import Entry, Files, FileStatus
from transform.local_files import LocalFiles


def is_remote(location: str) -> bool:
    """Returns whether `location` is an address, and not a path."""
    return "://" in location


def without_end(folder: str) -> str:
    """Returns `folder` without slashes at its end, to which names of files can be added after one."""
    return folder if folder.endswith("://") else folder.rstrip("/")


def exists(location: str) -> bool:
    """Returns whether there is a file at `location`."""
    return _home(location).exists(location)


def status(location: str) -> FileStatus:
    """Returns size, time, and what changes with the content of a file."""
    return _home(location).status(location)


def entries(folder: str) -> list[Entry]:
    """Returns what is in `folder`, by name; nothing where there is no such folder."""
    return _home(folder).entries(folder)


def files(folder: str) -> list[str]:
    """Returns the names of all files below `folder`, as paths from there, in order."""
    return _home(folder).files(folder)


def last_change(folder: str) -> float:
    """Returns when something in `folder` was last written, in seconds after the epoch; 0 where nothing says so."""
    return _home(folder).last_change(folder)


def open_file(location: str) -> BinaryIO:
    """Opens a file to read its bytes as they are. An object is read in blocks, whatever is asked for."""
    return _home(location).open_file(location)


def read_bytes(location: str) -> bytes:
    """Returns what is in a file."""
    with open_file(location) as file:
        return file.read()


def write_bytes(content: bytes, location: str) -> None:
    """Writes a file, which is there as a whole or not at all. An older one is replaced."""
    _home(location).write_bytes(content, location)


def copy_file(source: str, target: str) -> None:
    """Copies a file, without a detour where both are on the file system or in the same store."""
    home = _home(source)
    if _scheme(source) == _scheme(target):
        home.copy_file(source, target)
        return
    with home.open_file(source) as reader, _home(target).writer(target) as file:
        copyfileobj(reader, file)


def remove_file(location: str) -> None:
    """Removes a file."""
    _home(location).remove_file(location)


def remove_folder(folder: str) -> None:
    """Removes a folder with all that is in it, if it is there."""
    _home(folder).remove_folder(folder)


def _scheme(location: str) -> str:
    return location.partition("://")[0] if is_remote(location) else ""


def _home(location: str) -> Files:
    if not is_remote(location):
        return LocalFiles()
    from transform.object_files import ObjectFiles  # A third of a second to import: only for those who need it.

    return ObjectFiles()
