"""Paths without characters that libraries interpret as a pattern or an address.

TensorFlow finds a model's variables by pattern; TFX and Beam find the files of a split by pattern. Optuna puts a file's
path into an address. None of them can be told to take a `[` or a `?` in a folder's name literally.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

SPECIAL_CHARACTERS: Final = frozenset("*?[]{}\\%")
"""Pattern characters, and `%`, which begins an encoded character in an address such as an SQLite file's."""


def is_plain(path: Path | str) -> bool:
    """Returns True if `path` has no special character."""
    return SPECIAL_CHARACTERS.isdisjoint(str(path))


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """Yields a plain path to the existing `folder`: itself, or a link that exists while the block runs."""
    if is_plain(folder):
        yield folder
        return
    with TemporaryDirectory(prefix="readalike-") as beside:
        link = Path(beside, "folder")
        link.symlink_to(folder.resolve(), target_is_directory=True)
        yield link
