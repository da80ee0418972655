"""Files in an object store, where folders are only prefixes of names.

pyarrow can make folders, as empty objects whose names end in `/`. TF Serving would take `push/7/` for a version, so
none is made here. After a removal pyarrow leaves such an object for the parent folder, which here is the push folder.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOENT
from typing import Any, BinaryIO, Final

from pyarrow import fs

from storage.object_store import Place, connect, place_of, require_bucket, told
from storage.protocol import Entry, FileStatus, Output

BLOCK: Final = 4 << 20
"""Bytes per read: each read of an object is a request."""


class ObjectFiles:
    """Implements `storage.protocol.Files` for addresses. All failures but FileNotFoundError raise StorageError."""

    def exists(self, location: str) -> bool:
        """Returns True if there is an object; a folder does not count."""
        return bool(_info(place_of(location)).is_file)

    def status(self, location: str) -> FileStatus:
        """Returns an object's size, modification time and ETag."""
        place = place_of(location)
        info = _info(place)
        if not info.is_file:
            raise _not_there(place)
        with ObjectReader(place) as reader:
            return FileStatus(info.size, info.mtime_ns / 1e9, reader.etag or str(info.mtime_ns))

    def entries(self, folder: str) -> list[Entry]:
        """Returns the entries of `folder`, sorted by name; empty if there are none. The bucket must exist."""
        place = place_of(folder)
        # In Google's store pyarrow lists only folders that have an empty object of their own.
        found = _listed(place, recursive=place.scheme == "gs")
        inside = ((info.path.removeprefix(f"{place.path}/").rstrip("/"), info.is_file) for info in found)
        return sorted({Entry(name.partition("/")[0], is_file and "/" not in name) for name, is_file in inside})

    def files(self, folder: str) -> list[str]:
        """Returns all objects below `folder`, as sorted names relative to it."""
        place = place_of(folder)
        return sorted(
            info.path.removeprefix(f"{place.path}/") for info in _listed(place, recursive=True) if info.is_file
        )

    def last_change(self, folder: str) -> float:
        """Returns the latest modification time of an object below `folder`."""
        times = (info.mtime_ns for info in _listed(place_of(folder), recursive=True) if info.mtime_ns)
        return max(times, default=0) / 1e9

    def open_file(self, location: str) -> BinaryIO:
        """Opens an object for reading, in blocks."""
        return io.BufferedReader(ObjectReader(place_of(location)), BLOCK)

    @contextmanager
    def writer(self, location: str) -> Iterator[Output]:
        """Opens an object for writing. It appears when the block ends. If the block raises, it is removed."""
        place = place_of(location)
        system = connect(place)
        try:
            with told(place):
                stream = system.open_output_stream(place.path, compression=None)
        except FileNotFoundError as error:
            raise _not_there(place) from error
        try:
            yield ObjectWriter(place, stream)
        except BaseException:
            with suppress(OSError):  # pyarrow cannot abort a write: closing stores what was written so far.
                stream.close()
                system.delete_file(place.path)
            raise
        with told(place):
            stream.close()

    def write_bytes(self, content: bytes, location: str) -> None:
        """Writes an object, which appears as a whole."""
        with self.writer(location) as file:
            file.write(content)

    def copy_file(self, source: str, target: str) -> None:
        """Copies an object within its store."""
        place = place_of(source)
        with told(place):
            connect(place).copy_file(place.path, place_of(target).path)

    def remove_file(self, location: str) -> None:
        """Removes an object."""
        place = place_of(location)
        with told(place):
            connect(place).delete_file(place.path)

    def remove_folder(self, folder: str) -> None:
        """Removes all objects below `folder`, if there are any."""
        place = place_of(folder)
        require_bucket(place)
        with suppress(FileNotFoundError), told(place):  # Google's store: the folder has no object of its own.
            connect(place).delete_dir(place.path)


class ObjectReader(io.RawIOBase):
    """Reads the bytes of one object; errors name the object."""

    def __init__(self, place: Place):
        """Opens the object.

        Raises:
          StorageError: the store refused, or did not answer, or has no such bucket.
          FileNotFoundError: there is no such object.
        """
        self._place = place
        try:
            with told(place):
                self._stream = connect(place).open_input_stream(place.path, compression=None)
        except FileNotFoundError as error:
            raise _not_there(place) from error

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` with the next bytes. Returns their number; 0 at the end."""
        with told(self._place):
            return int(self._stream.readinto(buffer))

    def close(self) -> None:
        """Closes the stream beneath."""
        if not self.closed:
            self._stream.close()
        super().close()

    @property
    def etag(self) -> str:
        """The store's identifier of the content; empty if it has none."""
        known = {name.lower(): value for name, value in (self._stream.metadata() or {}).items()}
        return bytes(known.get("etag", b"")).decode()


class ObjectWriter:
    """Writes one object; errors name the object."""

    def __init__(self, place: Place, stream: Any):
        self._place = place
        self._stream = stream

    def write(self, content: bytes) -> None:
        """Appends `content`."""
        with told(self._place):
            self._stream.write(content)


def _info(place: Place) -> Any:
    with told(place):
        return connect(place).get_file_info(place.path)


def _listed(place: Place, recursive: bool) -> list[Any]:
    selector = fs.FileSelector(place.path, allow_not_found=True, recursive=recursive)
    with told(place):
        found: list[Any] = connect(place).get_file_info(selector)
    if not found:
        require_bucket(place)
    return found


def _not_there(place: Place) -> FileNotFoundError:
    """Returns the error for a missing object; raises StorageError if the bucket is missing."""
    require_bucket(place)
    return FileNotFoundError(ENOENT, "No such file", place.location)
