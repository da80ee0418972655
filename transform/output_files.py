"""Files that a command writes where its user said: what keeps it from that becomes a sentence and exit code 2."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from transform.errors import ConfigurationError

UNFINISHED_SUFFIX: Final = ".incomplete"
_STREAMS: Final = ("/dev/", "/proc/")


def is_stream(path: Path) -> bool:
    """Returns whether `path` is a device, a pipe or an open file, such as `/dev/stdout`: written to, never replaced."""
    return str(path.absolute()).startswith(_STREAMS) or (path.exists() and not path.is_file())


class ReplaceError(OSError):
    """What was written beside a file cannot take its place."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields where to write what becomes `path` when the block ends; `path` stays as it was if the block raises.

    A link stays one, and the file that it names is replaced. A stream is written to as it is.

    Raises:
      ReplaceError: the file system refuses to put what was written in the place of `path`.
    """
    if is_stream(path):
        yield path
        return
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}{UNFINISHED_SUFFIX}")
    try:
        yield beside
        _replace(beside, target)
    finally:
        with suppress(OSError):  # There may be no such folder: that was told when the file was opened.
            beside.unlink()


def _replace(beside: Path, target: Path) -> None:
    try:
        beside.replace(target)
    except OSError as error:
        raise ReplaceError(error.errno, error.strerror, str(target)) from error


@contextmanager
def telling(option: str, path: Path) -> Iterator[None]:
    """Turns a failure to write `path`, which the user named by `option`, into an error that says so.

    Raises:
      ConfigurationError: the file system refuses.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{option} {path}: cannot be written ({error.strerror or error}). Name a file in a folder of yours, with "
            "room left."
        ) from error


def make_ready(option: str, path: Path) -> None:
    """Makes the folders above `path`, and looks whether a file can be written there, before work is done for it.

    Raises:
      ConfigurationError: it cannot.
    """
    with telling(option, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
