"""Paths that no library takes for a pattern, or for an address.

TensorFlow looks for a model's variables by pattern, and TFX and Beam for the files of a split. Optuna puts a file into
an address. Nobody can tell them that a `[` or a `?` in the name of a folder is meant as it stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

SPECIAL_CHARACTERS: Final = frozenset("*?[]{}\\%")
"""Those of patterns; and `%`, which begins a coded character in an address such as that of an SQLite file."""


def is_plain(path: Path | str) -> bool:
    """Returns whether `path` has no character that stands for others."""
    return SPECIAL_CHARACTERS.isdisjoint(str(path))


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """Yields a plain path to `folder`, which exists: itself, or as long as the block runs a link to it."""
    if is_plain(folder):
        yield folder
        return
    with TemporaryDirectory(prefix="readalike-") as beside:
        link = Path(beside, "folder")
        link.symlink_to(folder.resolve(), target_is_directory=True)
        yield link
