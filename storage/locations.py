"""Files, local or remote: `gs://`, `s3://` and `minio://` through pyarrow.fs, all else on the local file system.

A local failure raises the system's own OSError. A remote one raises StorageError with place, reason and remedy. In both
cases a missing file raises FileNotFoundError. Folders are made together with their files.
"""

from shutil import copyfileobj
from typing import BinaryIO

from storage.local import LocalFiles
from storage.protocol import Entry, Files, FileStatus


def is_remote(location: str) -> bool:
    """Returns True if `location` is an address, not a path."""
    return "://" in location


def without_end(folder: str) -> str:
    """Returns `folder` without slashes at its end, so that a slash and a file name can be appended."""
    return folder if folder.endswith("://") else folder.rstrip("/")


def exists(location: str) -> bool:
    """Returns True if there is a file at `location`."""
    return _home(location).exists(location)


def status(location: str) -> FileStatus:
    """Returns a file's size, modification time, and a mark that changes when it is rewritten."""
    return _home(location).status(location)


def entries(folder: str) -> list[Entry]:
    """Returns the entries of `folder`, sorted by name; empty if there is no such folder."""
    return _home(folder).entries(folder)


def files(folder: str) -> list[str]:
    """Returns all files below `folder`, as sorted paths relative to it."""
    return _home(folder).files(folder)


def last_change(folder: str) -> float:
    """Returns when something in `folder` was last written, in seconds after the epoch; 0 if unknown."""
    return _home(folder).last_change(folder)


def open_file(location: str) -> BinaryIO:
    """Opens a file for reading its raw bytes. An object is read in blocks, whatever size is requested."""
    return _home(location).open_file(location)


def read_bytes(location: str) -> bytes:
    """Returns the content of a file."""
    with open_file(location) as file:
        return file.read()


def write_bytes(content: bytes, location: str) -> None:
    """Writes a file, whole or not at all. An existing file is replaced."""
    _home(location).write_bytes(content, location)


def copy_file(source: str, target: str) -> None:
    """Copies a file, directly if source and target are on the file system or in the same kind of store."""
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
    """Removes a folder and its content, if it exists."""
    _home(folder).remove_folder(folder)


def _scheme(location: str) -> str:
    return location.partition("://")[0] if is_remote(location) else ""


def _home(location: str) -> Files:
    if not is_remote(location):
        return LocalFiles()
    from storage.objects import ObjectFiles

    return ObjectFiles()
