"""Reads the records of JSON files one by one in constant memory: arrays or lines, compressed or not."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import ijson

from core.errors import DataError

SUFFIXES: Final = tuple(name + packed for name in (".json", ".jsonl", ".ndjson") for packed in ("", ".gz"))

# A longer line is read in parts of this size.
PIECE_BYTES: Final = 1 << 16

# Python's json module writes these for missing numbers, although they are not JSON.
_NO_NUMBER: Final = re.compile(rb"-?(?:NaN|Infinity)")

GZIP_MAGIC: Final = b"\x1f\x8b"


class Record(NamedTuple):
    """One value of a JSON file, and where it was found."""

    file: Path
    number: int
    """Its number in the file, counted from 1."""
    line: int
    """The line on which it ends, counted from 1."""
    value: Any


class Piece(NamedTuple):
    """A line of a file, or a part of a long one."""

    line: int
    column: int
    """The number of bytes of the line before the piece."""
    offset: int
    """The number of bytes of the file before the piece."""
    content: bytes


def json_files(sources: Iterable[Path]) -> list[Path]:
    """Returns the files that `sources` stand for: each file itself, and the JSON files in and below each folder.

    Raises:
      DataError: a source does not exist, or a folder has no JSON file.
    """
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            found = sorted(file for file in source.rglob("*") if _is_json(file))
            if not found:
                raise DataError(f"{source}: the folder has no {', '.join(SUFFIXES)} file. Name one that has.")
            files += found
        elif source.exists():
            files.append(source)
        else:
            raise DataError(f"{source}: there is no such file or folder. Name a JSON file or a folder of them.")
    return files


def read_records(path: Path) -> Iterator[Record]:
    """Yields the records of one file: the items of its array, or its values one after the other.

    The content decides whether the file is an array, and whether it is compressed.

    Raises:
      DataError: the file cannot be read, is not UTF-8, or is not JSON.
    """
    found: list[Any] = ijson.sendable_list()
    parser = None
    count = 0
    with _opened(path) as stream:
        for position, piece in enumerate(_pieces(stream, path)):
            if parser is None:
                if not piece.content.strip():
                    continue
                parser = _parser(found, piece.content)
                first = position
            try:
                parser.send(piece.content)
            except ijson.JSONError as error:
                raise _invalid(path, first, position, count + len(found) + 1, error) from error
            for value in found:
                count += 1
                yield Record(path, count, piece.line, value)
            found.clear()
    try:
        if parser is not None:
            parser.close()
    except ijson.JSONError as error:
        raise DataError(
            f"{path}: the JSON ends in the middle of record {count + 1}, on line {piece.line}. "
            "Fetch the file again; it was cut off."
        ) from error


def _is_json(file: Path) -> bool:
    return file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".") and file.is_file()


def _parser(found: list[Any], start: bytes) -> Any:
    # Numbers become decimals: floats would lose digits of long numbers and cannot hold the longest.
    array = start.lstrip().startswith(b"[")
    # An array is one value. If several were allowed, any text between them would be dropped silently.
    return ijson.items_coro(found, "item" if array else "", multiple_values=not array, use_float=False)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            packed = file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
            yield cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=file))) if packed else file
    except EOFError as error:
        raise DataError(
            f"{path}: the gzip file ends in the middle of its data. Copy it again; it was cut off."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error}). Copy or pack it again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}). Name a file that can.") from error


def _pieces(stream: BinaryIO, path: Path) -> Iterator[Piece]:
    """Yields the lines of a file in order, long ones in pieces, without a byte-order mark.

    Raises:
      DataError: a line is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, column, offset = 1, 0, 0
    while True:
        content = stream.readline(PIECE_BYTES)
        if offset == 0 and content.startswith(codecs.BOM_UTF8):
            content, offset, column = content.removeprefix(codecs.BOM_UTF8), len(codecs.BOM_UTF8), len(codecs.BOM_UTF8)
        try:
            decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}: line {line} is not UTF-8 (byte 0x{error.object[error.start]:02x}). Save the file as UTF-8."
            ) from error
        if not content:
            return
        yield Piece(line, column, offset, content)
        offset += len(content)
        if content.endswith(b"\n"):
            line, column = line + 1, 0
        else:
            column += len(content)


def _invalid(path: Path, first: int, position: int, record: int, error: ijson.JSONError) -> DataError:
    """Returns the error that names the invalid byte: parses the file again, the last piece byte by byte.

    Args:
      path: the file.
      first: number of the piece with which the JSON begins.
      position: number of the piece in which it is invalid.
      record: number of the invalid record.
      error: the parser's error.
    """
    parser = None
    with _opened(path) as stream:
        for number, piece in enumerate(_pieces(stream, path)):
            if number == first:
                parser = _parser(ijson.sendable_list(), piece.content)
            if parser is not None and number < position:
                parser.send(piece.content)
            elif parser is not None:
                break
    index = _first_invalid_byte(parser, piece.content)
    reason = str(error).splitlines()[0].rstrip(".")
    if word := _NO_NUMBER.match(piece.content, index):
        reason = f"{word[0].decode()}, which JSON does not have; write null"
    return DataError(
        f"{path}: invalid JSON on line {piece.line}, byte {piece.column + index + 1} of that line (byte "
        f"{piece.offset + index + 1:,} of the file), in record {record}: {reason}. A file holds one array of objects, "
        "or objects one a line; correct it there."
    )


def _first_invalid_byte(parser: Any, content: bytes) -> int:
    for index in range(len(content)):
        try:
            parser.send(content[index : index + 1])
        except ijson.JSONError:
            return index
    return len(content) - 1
