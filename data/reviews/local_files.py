"""Finds the CSV files of an input path, and checks their bytes in a stream.

Imports neither Beam nor TFX, so that a runner can check the input before it loads them.
"""

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import DataError
from core.terminal_text import visible

SUFFIXES: Final = (".csv", ".csv.gz")
REMEDY_ENCODING: Final = "Save the file as UTF-8 text."

Opener = Callable[[], BinaryIO]


def is_review_file(name: str) -> bool:
    """Returns True if a file of that name in a folder of reviews is read."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def local_review_files(path: Path) -> list[Path]:
    """Returns the files that `path` stands for, in the order in which they are read.

    Raises:
      DataError: `path` does not exist, cannot be read, is a device or a pipe, or holds no CSV file.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISDIR(mode):
            files = [path]
        else:
            named = sorted(file for file in path.iterdir() if is_review_file(file.name))
            _check_links(named)
            files = [file for file in named if file.is_file()]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"--data {path}: there is no such file or folder. Name a CSV file or a folder of them."
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not files:
        raise DataError(f"--data {path}: the folder has no {' or '.join(SUFFIXES)} file. Name one that has.")
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise DataError(f"--data {path}: is a device or a pipe, and reviews are read more than once. Name a file.")
    for file in files:
        if not str(file).isprintable() and any("\ud800" <= letter <= "\udfff" for letter in str(file)):
            raise DataError(f"--data {str(file)!r}: the name is not UTF-8, so that it cannot be recorded. Rename it.")
    return files


def _check_links(files: list[Path]) -> None:
    """Raises DataError if one of `files` is a broken link: its reviews would be missing without notice."""
    for file in files:
        if file.is_symlink() and not file.exists():
            raise DataError(
                f"--data {visible(str(file))}: is a link to what is not there. Mend the link, or remove it."
            )


def local_opener(path: Path) -> Opener:
    """Returns a function that opens the local file `path`, with an error that names it."""

    def open_file() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise _unreadable(path, error) from error

    return open_file


def _unreadable(path: Path | str, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{path}: cannot be read ({reason}). Let user {os.geteuid()} read it, or name another path.")


class _CountedFile:
    """A file that counts the bytes read."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes."""
        data = self._file.read(size)
        self.count += len(data)
        return data

    def close(self) -> None:
        """Closes the file beneath."""
        self._file.close()


class CheckedStream(io.RawIOBase):
    """The uncompressed bytes of one file. Anything but UTF-8 text raises DataError with its line."""

    def __init__(self, file: BinaryIO, name: str):
        """Sets up the stream.

        Args:
          file: the file as it is stored.
          name: the file's name in messages; `.gz` at the end means that it is compressed.
        """
        self._raw = _CountedFile(file)
        self._file = gzip.GzipFile(fileobj=self._raw) if name.lower().endswith(".gz") else self._raw  # type: ignore[call-overload]
        self._name = name
        self._lines = 0
        self._undecoded = b""
        self._held_back = b""
        self._ended = False
        self.sha256 = hashlib.sha256()

    @property
    def stored_bytes_read(self) -> int:
        """The number of bytes read of the file as it is stored."""
        return self._raw.count

    def readable(self) -> bool:
        """Returns True."""
        return True

    def close(self) -> None:
        """Closes the file beneath."""
        self._raw.close()
        super().close()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` with the next checked bytes. Returns their number; 0 at the end."""
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        if self._ended:
            return b""
        data = self._held_back + self._read(size - len(self._held_back))
        self._ended, self._held_back = len(data) < size, b""
        # A CR LF split between two blocks would be counted as two line ends.
        if data.endswith(b"\r") and not self._ended and size > 1:
            data, self._held_back = data[:-1], data[-1:]
        self._check(data)
        self.sha256.update(data)
        return data

    def _read(self, size: int) -> bytes:
        """Returns the next `size` bytes of the file; fewer only at its end."""
        parts: list[bytes] = []
        try:
            while size and (part := self._file.read(size)):
                parts.append(part)
                size -= len(part)
        except EOFError as error:
            raise DataError(
                f"{self._name}: the gzip file ends in the middle of its data, near line {self._lines + 1}. "
                "Copy it again; it was cut off."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{self._name}: is no gzip file or is damaged ({error}). Name it without .gz if it is plain text, "
                "or pack it again."
            ) from error
        except OSError as error:
            raise _unreadable(self._name, error) from error
        return b"".join(parts)

    def _check(self, data: bytes) -> None:
        if (position := data.find(b"\0")) >= 0:
            line = self._lines + _line_ends(data[:position]) + 1
            raise DataError(f"{self._name}:{line}: has a NUL byte, so it is not plain text. {REMEDY_ENCODING}")
        waiting = self._undecoded + data
        try:
            waiting.decode("utf-8")
            self._undecoded = b""
        except UnicodeDecodeError as error:
            if not self._ended and error.reason == "unexpected end of data" and len(waiting) - error.start < 4:
                self._undecoded = waiting[error.start :]
            else:
                line = self._lines + _line_ends(waiting[: error.start]) + 1
                raise DataError(
                    f"{self._name}:{line}: is not UTF-8 (byte 0x{waiting[error.start]:02x}). {REMEDY_ENCODING}"
                ) from error
        self._lines += _line_ends(data)


def _line_ends(data: bytes) -> int:
    """Returns the number of line ends in `data`: LF, CR LF or CR, as the csv module counts them."""
    ends = data.count(b"\n")
    return ends + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else ends
