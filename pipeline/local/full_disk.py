"""Recognises a full disk behind the errors of libraries."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.errors import ConfigurationError, causes
from core.exit_codes import FULL

# Messages of TensorFlow, Beam and SQLite (for ML Metadata) in their own errors, which are no OSError.
_SAYINGS: Final = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "database or disk is full")

_NO_ROOM_BYTES: Final = 64 * 1024
"""Minimum free space. With less, a run cannot even write its log, whatever the error says."""


def full_disk(error: BaseException, work_dir: Path) -> ConfigurationError | None:
    """Returns a readable error if a full disk caused `error`, else None."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in FULL:
            return _full(work_dir, str(cause.filename or cause.strerror))
        if said := next((saying for saying in _SAYINGS if saying in str(cause)), None):
            return _full(work_dir, said)
    if not isinstance(error, Exception):  # An interrupt is not caused by a full disk.
        return None
    with suppress(FileNotFoundError):  # A removed folder is another fault.
        free = shutil.disk_usage(work_dir).free
        if free < _NO_ROOM_BYTES:
            return _full(work_dir, f"it has {free} bytes left")
    return None


def _full(work_dir: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"--work-dir {work_dir}: no space is left on a disk that the run writes to ({what}). Make room, and run again."
    )
