"""Output files of commands, at paths that the user names. A failure becomes a message and exit code 2."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from core.errors import ConfigurationError

UNFINISHED_SUFFIX: Final = ".incomplete"
_STREAMS: Final = ("/dev/", "/proc/")


def is_stream(path: Path) -> bool:
    """Returns True if `path` is a device, a pipe or an open file, such as `/dev/stdout`: these are never replaced."""
    return str(path.absolute()).startswith(_STREAMS) or (path.exists() and not path.is_file())


class ReplaceError(OSError):
    """The file written beside the target cannot replace it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a file to write, which replaces `path` when the block ends. If the block raises, `path` stays as it was.

    A link stays a link, and its target is replaced. A stream is written to directly.

    Raises:
      ReplaceError: the file system refuses to replace `path`.
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
        with suppress(OSError):  # The folder may be missing; opening the file has raised that error already.
            beside.unlink()


def _replace(beside: Path, target: Path) -> None:
    try:
        beside.replace(target)
    except OSError as error:
        raise ReplaceError(error.errno, error.strerror, str(target)) from error


@contextmanager
def telling(option: str, path: Path) -> Iterator[None]:
    """Turns a failure to write `path` into an error that names `path` and the user's `option`.

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
    """Makes the folders above `path`, and checks that `path` can be written before any work is done for it.

    Raises:
      ConfigurationError: `path` cannot be written.
    """
    with telling(option, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
