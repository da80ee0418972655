"""What any kind of storage can do with files, and what it tells of them."""

from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol


class Entry(NamedTuple):
    """What is in a folder."""

    name: str
    is_file: bool


class FileStatus(NamedTuple):
    """What is known of a file without reading it."""

    size: int
    """Bytes."""

    modified: float
    """When it was last written, in seconds after the epoch."""

    mark: str
    """Changes when the file is written anew: an object's ETag, or else the time in nanoseconds."""


class Output(Protocol):
    """A file that is being written."""

    def write(self, content: bytes, /) -> object:
        """Appends `content`."""


class Files(Protocol):
    """A file system or an object store. `transform.storage` says what each function does."""

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
