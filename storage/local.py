"""Files on the local file system, including mounted volumes. A failure raises the system's own OSError."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storage.output_files import replacing
from storage.protocol import Entry, FileStatus, Output


class LocalFiles:
    """Implements `storage.protocol.Files` for paths."""

    def exists(self, location: str) -> bool:
        """Returns True if there is a file; a folder does not count."""
        return Path(location).is_file()

    def status(self, location: str) -> FileStatus:
        """Returns a file's size, modification time and mark."""
        found = Path(location).stat()
        return FileStatus(found.st_size, found.st_mtime, str(found.st_mtime_ns))

    def entries(self, folder: str) -> list[Entry]:
        """Returns the entries of `folder`, sorted by name; empty if it is no folder."""
        try:
            return sorted(Entry(path.name, path.is_file()) for path in Path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self, folder: str) -> list[str]:
        """Returns all files below `folder`, as sorted paths relative to it."""
        paths = (path for path in Path(folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(folder).as_posix() for path in paths)

    def last_change(self, folder: str) -> float:
        """Returns the latest modification time of `folder` and of everything below it."""
        found = 0.0
        for path in (Path(folder), *Path(folder).rglob("*")):
            with suppress(FileNotFoundError):  # Another process may have removed it.
                found = max(found, path.stat().st_mtime)
        return found

    def open_file(self, location: str) -> BinaryIO:
        """Opens a file for reading."""
        return Path(location).open("rb")

    @contextmanager
    def writer(self, location: str) -> Iterator[Output]:
        """Opens a file for writing. Makes the folder if it is missing."""
        Path(location).parent.mkdir(parents=True, exist_ok=True)
        with Path(location).open("wb") as file:
            yield file

    def write_bytes(self, content: bytes, location: str) -> None:
        """Writes a file beside `location`, then renames it."""
        Path(location).parent.mkdir(parents=True, exist_ok=True)
        with replacing(Path(location)) as beside:
            beside.write_bytes(content)

    def copy_file(self, source: str, target: str) -> None:
        """Copies the bytes of a file."""
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def remove_file(self, location: str) -> None:
        """Removes a file."""
        Path(location).unlink()

    def remove_folder(self, folder: str) -> None:
        """Removes a folder, or a link to one. It may be missing, or another run may remove it at the same time."""
        path = Path(folder)
        with suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
