"""Parquet files that stock TFX components read as an Examples artifact, and the Arrow batches inside them.

StatisticsGen and Transform read a Parquet payload column by column, which is many times faster than tf.Examples in
TFRecords. They accept list columns only, of exactly the types below, in the alphabetical order of the schema.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from tfx.types import artifact_utils

from transform import features, storage
from transform.errors import StorageError

# A missing value is a null list, so that the statistics count it as missing.
EXAMPLE_SCHEMA: Final = pa.schema(
    [
        pa.field(features.GENRES, pa.large_list(pa.large_binary())),
        pa.field(features.ISBN, pa.large_list(pa.large_binary())),
        pa.field(features.RATING, pa.large_list(pa.float32())),
        pa.field(features.USER, pa.large_list(pa.large_binary())),
    ]
)

PAYLOAD_FORMAT: Final = "FORMAT_PARQUET"
FILE_FORMAT: Final = "FILE_FORMAT_PARQUET"

# Rows in a row group: what a reader holds in memory at once, about 10 MB.
ROW_GROUP_ROWS: Final = 131_072


def describe(examples: Any, splits: Sequence[str]) -> None:
    """Writes into the artifact `examples` what TFX must know to read it: its splits and its format."""
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    examples.set_string_custom_property("payload_format", PAYLOAD_FORMAT)
    examples.set_string_custom_property("file_format", FILE_FORMAT)


def split_folder(artifact_uri: str, split: str) -> str:
    """Returns the folder in which TFX looks for the files of `split`."""
    return f"{artifact_uri}/Split-{split}"


def part_path(artifact_uri: str, split: str, part: int, parts: int) -> str:
    """Returns the path of file number `part` of `parts`. File names sort in the order of their rows."""
    return f"{split_folder(artifact_uri, split)}/data_parquet-{part:05d}-of-{parts:05d}.parquet"


def part_paths(artifact_uri: str, split: str) -> list[str]:
    """Returns the paths of all files of `split`, in the order of their rows."""
    folder = split_folder(artifact_uri, split)
    return [f"{folder}/{entry.name}" for entry in storage.entries(folder) if entry.name.endswith(".parquet")]


@contextmanager
def part_writer(path: str, schema: pa.Schema = EXAMPLE_SCHEMA) -> Iterator[pq.ParquetWriter]:
    """Opens a Parquet writer whose file appears under `path` only when everything was written."""
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Opens a file that appears under `path` only when everything was written, in place of one that is there.

    A runner repeats what failed, maybe while an attempt that it has lost still writes. So each attempt has a file of
    its own, beside the folder of the split: what a killed worker leaves there is read by nobody.
    """
    beside = _beside(path)
    try:
        with create_file(beside) as file:
            yield file
    except BaseException:
        with suppress(OSError, StorageError):
            storage.remove_file(beside)
        raise
    with suppress(OSError):  # It is there, by another worker too; where it cannot be made, the next line says so.
        FileSystems.mkdirs(FileSystems.split(path)[0])
    FileSystems.rename([beside], [path])


def read_row_groups(path: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yields the row groups of one file, in order, so that a file of any size is read in bounded memory.

    Args:
      path: the file.
      columns: those to read; None: all.
    """
    with open_file(path) as file:
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            yield parquet.read_row_group(group, columns=columns)


def read_splits(artifact_uri: str, splits: Sequence[str], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yields the row groups of all files of `splits`, one after the other; of `columns`, or all of them for None."""
    for split in splits:
        for path in part_paths(artifact_uri, split):
            yield from read_row_groups(path, columns)


def count_rows(paths: Sequence[str]) -> int:
    """Returns the number of rows in `paths`, read from the files' footers."""
    total = 0
    for path in paths:
        with open_file(path) as file:
            total += pq.ParquetFile(file).metadata.num_rows
    return total


def open_file(path: str) -> BinaryIO:
    """Opens a local or remote file to read its bytes as they are."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def create_file(path: str) -> BinaryIO:
    """Opens a local or remote file to write bytes."""
    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _beside(path: str) -> str:
    """Returns a path of nobody else's for what will be `path`, outside of the folder of a split."""
    folder, name = FileSystems.split(path)
    above, last = FileSystems.split(folder)
    return FileSystems.join(above if last.startswith("Split-") else folder, f"incomplete-{uuid.uuid4().hex}-{name}")


def scalar_column(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    """Returns a list column of at most one value a row as a plain array, null where the list is null or empty."""
    column = table.column(name)
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = column.flatten()
    if len(values) == len(column) and column.null_count == 0 and pc.max(pc.list_value_length(column)).as_py() == 1:
        return values
    filled = pc.equal(pc.list_value_length(column), 1)
    return pc.list_element(pc.if_else(filled, column, None), 0)


def as_list_column(values: pa.Array, value_type: pa.DataType) -> pa.Array:
    """Returns plain `values` as the list column that stock components read: one value a row, null where null."""
    values = values.cast(value_type)
    offsets = pc.cumulative_sum(pc.cast(values.is_valid(), pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), offsets])
    return pa.LargeListArray.from_arrays(offsets, values.drop_null(), mask=values.is_null())
