"""Finds and opens review files, local or remote, and detects their changes.

Imports neither Beam nor TFX, so that a runner can check the input before it loads them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from core.errors import DataError, InputError
from data.reviews.header import read_header
from data.reviews.local_files import SUFFIXES, Opener, is_review_file, local_opener, local_review_files
from storage import locations
from storage.protocol import FileStatus


def review_files(location: str) -> list[str]:
    """Returns the paths of the review files at `location`, local or remote, sorted by name.

    Raises:
      DataError: there is no file, or `location` cannot be accessed.
    """
    if not locations.is_remote(location):
        return [str(file) for file in local_review_files(Path(location))]
    folder = locations.without_end(location)
    try:
        if locations.exists(folder):
            return [folder]
        entries = locations.entries(folder)
    except InputError as error:
        raise DataError(f"--data {error}") from error
    names = [f"{folder}/{entry.name}" for entry in entries if entry.is_file and is_review_file(entry.name)]
    if names:
        return names
    if entries:
        raise DataError(f"--data {location}: the folder has no {' or '.join(SUFFIXES)} file. Name one that has.")
    raise DataError(f"--data {location}: there is no such file or folder. Name a CSV file or a folder of them.")


def check_reviews(location: str) -> None:
    """Checks that `location` holds readable CSV files with the required columns. Reads only their beginnings.

    Raises:
      DataError: there is no file, or one cannot be read or lacks a column.
    """
    for name in review_files(location):
        read_header(opener(name), name)


def opener(name: str) -> Opener:
    """Returns a function that opens the local or remote file `name`, with an error that names it."""
    if not locations.is_remote(name):
        return local_opener(Path(name))

    def open_file() -> BinaryIO:
        try:
            return locations.open_file(name)
        except (InputError, FileNotFoundError) as error:
            raise _unreadable(name, error) from error

    return open_file


def stored_bytes(names: Sequence[str]) -> int:
    """Returns the total size of the files `names` as they are stored, in bytes.

    Raises:
      DataError: one of them is missing, or cannot be accessed.
    """
    return sum(_status(name).size for name in names)


def fingerprint(location: str) -> str:
    """Returns a digest that changes when a file at `location` is added, removed or rewritten.

    It covers names, sizes, and the ETag of remote files or the time of local files in nanoseconds. No file is read.

    Raises:
      DataError: there is no file, or `location` cannot be accessed.
    """
    digest = hashlib.sha256()
    files = review_files(location)
    for name in files:
        status = _status(name)
        digest.update(f"{name}\0{status.size}\0{status.mark}\0".encode())
    return f"files:{len(files)},sha256:{digest.hexdigest()}"


def _status(name: str) -> FileStatus:
    try:
        return locations.status(name)
    except (InputError, OSError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: InputError | OSError) -> DataError:
    if isinstance(error, InputError):
        return DataError(str(error))
    return DataError(f"{name}: cannot be read ({error.strerror}). Check that it is there, and who may read it.")
