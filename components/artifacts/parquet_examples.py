"""Reads and writes the Parquet files of an Examples artifact, for stock TFX components.

StatisticsGen and Transform read a Parquet payload column by column, many times faster than tf.Examples in TFRecords.
They accept only list columns, of exactly the types in `EXAMPLE_SCHEMA`, in the alphabetical order of the schema.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from tfx.types import artifact_utils

from core.errors import StorageError
from data.example_schema import EXAMPLE_SCHEMA
from storage import locations

PAYLOAD_FORMAT: Final = "FORMAT_PARQUET"
FILE_FORMAT: Final = "FILE_FORMAT_PARQUET"

# Rows in a row group, which is read into memory at once: about 10 MB.
ROW_GROUP_ROWS: Final = 131_072


def describe(examples: Any, splits: Sequence[str]) -> None:
    """Sets the splits and the format of the artifact `examples`, which TFX needs to read it."""
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    examples.set_string_custom_property("payload_format", PAYLOAD_FORMAT)
    examples.set_string_custom_property("file_format", FILE_FORMAT)


def split_folder(artifact_uri: str, split: str) -> str:
    """Returns the folder where TFX expects the files of `split`."""
    return f"{artifact_uri}/Split-{split}"


def part_path(artifact_uri: str, split: str, part: int, parts: int) -> str:
    """Returns the path of file number `part` of `parts`. File names sort in the order of their rows."""
    return f"{split_folder(artifact_uri, split)}/data_parquet-{part:05d}-of-{parts:05d}.parquet"


def part_paths(artifact_uri: str, split: str) -> list[str]:
    """Returns the paths of all files of `split`, in the order of their rows."""
    folder = split_folder(artifact_uri, split)
    return [f"{folder}/{entry.name}" for entry in locations.entries(folder) if entry.name.endswith(".parquet")]


@contextmanager
def part_writer(path: str, schema: pa.Schema = EXAMPLE_SCHEMA) -> Iterator[pq.ParquetWriter]:
    """Yields a Parquet writer; its file appears at `path` only after everything is written."""
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Yields a file that appears at `path` only after everything is written, and replaces an existing one.

    A runner retries a failed attempt, perhaps while a lost attempt still writes. So each attempt writes its own
    temporary file outside the split's folder, where nobody reads leftovers of killed workers.
    """
    beside = _beside(path)
    try:
        with create_file(beside) as file:
            yield file
    except BaseException:
        with suppress(OSError, StorageError):
            locations.remove_file(beside)
        raise
    with suppress(OSError):  # Another worker may have created it; if it cannot be created, the next line fails.
        FileSystems.mkdirs(FileSystems.split(path)[0])
    FileSystems.rename([beside], [path])


def read_row_groups(path: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yields the row groups of one file in order, which bounds the memory for a file of any size.

    Args:
      path: the file.
      columns: the columns to read; None: all.
    """
    with open_file(path) as file:
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            yield parquet.read_row_group(group, columns=columns)


def read_splits(artifact_uri: str, splits: Sequence[str], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yields the row groups of all files of `splits`, one after the other, with `columns` only; None: all columns."""
    for split in splits:
        for path in part_paths(artifact_uri, split):
            yield from read_row_groups(path, columns)


def count_rows(paths: Sequence[str]) -> int:
    """Returns the total number of rows in the files `paths`, from their footers."""
    total = 0
    for path in paths:
        with open_file(path) as file:
            total += pq.ParquetFile(file).metadata.num_rows
    return total


def open_file(path: str) -> BinaryIO:
    """Opens a local or remote file to read its raw bytes."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def create_file(path: str) -> BinaryIO:
    """Opens a local or remote file to write bytes."""
    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _beside(path: str) -> str:
    """Returns a unique temporary path for the file `path`, outside the split's folder."""
    folder, name = FileSystems.split(path)
    above, last = FileSystems.split(folder)
    return FileSystems.join(above if last.startswith("Split-") else folder, f"incomplete-{uuid.uuid4().hex}-{name}")
