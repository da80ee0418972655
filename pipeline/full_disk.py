"""A disk that is full, behind whatever error a library makes of it."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from transform.errors import ConfigurationError, causes
from transform.exit_codes import FULL

# What TensorFlow, Beam and SQLite (for ML Metadata) say of it, in errors of their own that are no OSError.
_SAYINGS: Final = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "database or disk is full")

_NO_ROOM_BYTES: Final = 64 * 1024
"""With less than this a run cannot write as much as its log, whatever the error says."""


def full_disk(error: BaseException, work_dir: Path) -> ConfigurationError | None:
    """Returns an error that says so if `error` comes from a disk that is full, and else None."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in FULL:
            return _full(work_dir, str(cause.filename or cause.strerror))
        if said := next((saying for saying in _SAYINGS if saying in str(cause)), None):
            return _full(work_dir, said)
    if not isinstance(error, Exception):  # An interrupt has its own cause, however little room is left.
        return None
    with suppress(FileNotFoundError):  # Somebody has removed the folder: that is another fault.
        free = shutil.disk_usage(work_dir).free
        if free < _NO_ROOM_BYTES:
            return _full(work_dir, f"it has {free} bytes left")
    return None


def _full(work_dir: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"--work-dir {work_dir}: no space is left on a disk that the run writes to ({what}). Make room, and run again."
    )
