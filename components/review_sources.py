"""Review files, local or remote: which there are, how they are opened, and how a change is noticed.

Knows neither Beam nor TFX, so that a runner can check the input before it loads them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from components.review_files import SUFFIXES, Opener, is_review_file, local_opener, local_review_files
from components.review_header import read_header
from transform import storage
from transform.errors import DataError, InputError
from transform.files import FileStatus


def review_files(location: str) -> list[str]:
    """Returns the paths of the files that `location`, local or remote, stands for, in the order of their names.

    Raises:
      DataError: there is none, or the place cannot be asked.
    """
    if not storage.is_remote(location):
        return [str(file) for file in local_review_files(Path(location))]
    folder = storage.without_end(location)
    try:
        if storage.exists(folder):
            return [folder]
        entries = storage.entries(folder)
    except InputError as error:
        raise DataError(f"--data {error}") from error
    names = [f"{folder}/{entry.name}" for entry in entries if entry.is_file and is_review_file(entry.name)]
    if names:
        return names
    if entries:
        raise DataError(f"--data {location}: the folder has no {' or '.join(SUFFIXES)} file. Name one that has.")
    raise DataError(f"--data {location}: there is no such file or folder. Name a CSV file or a folder of them.")


def check_reviews(location: str) -> None:
    """Checks that `location` holds CSV files that can be read and have the columns. Only their beginnings are read.

    Raises:
      DataError: it does not, or they cannot or do not.
    """
    for name in review_files(location):
        read_header(opener(name), name)


def opener(name: str) -> Opener:
    """Returns a function that opens the local or remote file `name`, with an error that names it."""
    if not storage.is_remote(name):
        return local_opener(Path(name))

    def open_file() -> BinaryIO:
        try:
            return storage.open_file(name)
        except (InputError, FileNotFoundError) as error:
            raise _unreadable(name, error) from error

    return open_file


def stored_bytes(names: Sequence[str]) -> int:
    """Returns how many bytes the files `names`, as they are stored, have together.

    Raises:
      DataError: one of them is not there, or cannot be asked.
    """
    return sum(_status(name).size for name in names)


def fingerprint(location: str) -> str:
    """Returns a digest that changes when a file of `location` comes, goes, or is written anew.

    Of remote files the ETag is looked at, of local ones the time in nanoseconds; nothing is read.

    Raises:
      DataError: there is no file, or the place cannot be asked.
    """
    digest = hashlib.sha256()
    files = review_files(location)
    for name in files:
        status = _status(name)
        digest.update(f"{name}\0{status.size}\0{status.mark}\0".encode())
    return f"files:{len(files)},sha256:{digest.hexdigest()}"


def _status(name: str) -> FileStatus:
    try:
        return storage.status(name)
    except (InputError, OSError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: InputError | OSError) -> DataError:
    if isinstance(error, InputError):
        return DataError(str(error))
    return DataError(f"{name}: cannot be read ({error.strerror}). Check that it is there, and who may read it.")
