"""The interface of every kind of storage, and its results."""

from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol


class Entry(NamedTuple):
    """A file or a folder inside a folder."""

    name: str
    is_file: bool


class FileStatus(NamedTuple):
    """A file's size, time and mark, known without reading it."""

    size: int
    """Bytes."""

    modified: float
    """Time of the last write, in seconds after the epoch."""

    mark: str
    """Changes when the file is rewritten: an object's ETag, or else the time in nanoseconds."""


class Output(Protocol):
    """A file that is being written."""

    def write(self, content: bytes, /) -> object:
        """Appends `content`."""


class Files(Protocol):
    """A file system or an object store. `storage.locations` documents each function."""

    def exists(self, location: str) -> bool:  # noqa: D102
        ...

    def status(self, location: str) -> FileStatus:  # noqa: D102
        ...

    def entries(self, folder: str) -> list[Entry]:  # noqa: D102
        ...

    def files(self, folder: str) -> list[str]:  # noqa: D102
        ...

    def last_change(self, folder: str) -> float:  # noqa: D102
        ...

    def open_file(self, location: str) -> BinaryIO:  # noqa: D102
        ...

    def writer(self, location: str) -> AbstractContextManager[Output]:  # noqa: D102
        ...

    def write_bytes(self, content: bytes, location: str) -> None:  # noqa: D102
        ...

    def copy_file(self, source: str, target: str) -> None:  # noqa: D102
        ...

    def remove_file(self, location: str) -> None:  # noqa: D102
        ...

    def remove_folder(self, folder: str) -> None:  # noqa: D102
        ...
