"""Review files wherever Beam can read them: which there are, how they are opened, and how a change is noticed."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from apache_beam.io.filesystems import FileSystems

from components import parquet_examples
from components.review_files import SUFFIXES, Opener, is_review_file, local_opener, local_review_files
from transform.errors import DataError


def review_files(location: str) -> list[str]:
    """Returns the paths of the files that `location`, local or remote, stands for, in the order of their names.

    Raises:
      DataError: there is none, or the place cannot be asked.
    """
    if not _is_remote(location):
        return [str(file) for file in local_review_files(Path(location))]
    if location.lower().endswith(SUFFIXES):
        return [location]
    try:
        [match] = FileSystems.match([f"{location.rstrip('/')}/*"])
    except Exception as error:  # Each remote system has errors of its own.
        raise _unreachable(location, error) from error
    names = sorted(item.path for item in match.metadata_list if is_review_file(item.path.rpartition("/")[2]))
    if not names:
        raise DataError(f"--data {location}: there is no {' or '.join(SUFFIXES)} file. Name a place that has one.")
    return names


def opener(name: str) -> Opener:
    """Returns a function that opens the local or remote file `name`, with an error that names it."""
    if not _is_remote(name):
        return local_opener(Path(name))

    def open_file() -> BinaryIO:
        try:
            return parquet_examples.open_file(name)
        except Exception as error:  # Each remote system has errors of its own.
            raise _unreachable(name, error) from error

    return open_file


def fingerprint(location: str) -> str:
    """Returns a digest that changes when a file of `location` comes, goes, or is written anew.

    Raises:
      DataError: there is no file, or the place cannot be asked.
    """
    digest = hashlib.sha256()
    files = review_files(location)
    for name in files:
        size, changed = _size_and_time(name)
        digest.update(f"{name}\0{size}\0{changed}\0".encode())
    return f"files:{len(files)},sha256:{digest.hexdigest()}"


def _size_and_time(name: str) -> tuple[int, float]:
    try:
        if not _is_remote(name):
            status = Path(name).stat()
            return status.st_size, status.st_mtime_ns
        metadata = FileSystems.get_filesystem(name).metadata(name)
        return metadata.size_in_bytes, metadata.last_updated_in_seconds
    except Exception as error:  # Each remote system has errors of its own.
        raise _unreachable(name, error) from error


def _is_remote(location: str) -> bool:
    return "://" in location


def _unreachable(name: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [""])[0]
    return DataError(
        f"{name}: cannot be read ({type(error).__name__}: {reason}). Check that it is there, that this user may read "
        "it, and that Apache Beam is installed with the package for its file system."
    )
