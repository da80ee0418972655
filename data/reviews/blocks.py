"""Reads the rows of a CSV of reviews in blocks, as columns of text, and lists the faulty records."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from core.errors import DataError
from data.reviews.csv_records import CsvRecords, Fault, Positions, Records
from data.reviews.local_files import CheckedStream
from transform import features

# A field of a megabyte is a mistake, not a title.
MAX_FIELD_BYTES: Final = 1 << 20
WRONG_FIELDS: Final = "wrong number of fields"


class Block(NamedTuple):
    """The rows of one block. It shares no data with later blocks, which another thread may be reading."""

    rows: pa.RecordBatch
    """The well-formed rows, with a column of text for each raw feature."""

    lines: Positions
    """The line on which each row begins."""

    faults: list[Fault]
    """The lines on which no row begins, in no order."""

    stored_bytes_read: int
    """The number of bytes read so far of the file as it is stored."""


class ReviewBlocks:
    """The blocks of one file, read once."""

    def __init__(self, stream: CheckedStream, name: str, header: Sequence[str], max_field_lines: int):
        """Sets up the reading.

        Args:
          stream: the file's bytes.
          name: the file's name in messages.
          header: the names of its columns.
          max_field_lines: maximum number of lines in a quoted field.
        """
        self._stream = stream
        self._name = name
        # Columns that are not read may have duplicate names, or none.
        self._columns = [
            column if column in features.RAW_FEATURES else f"column {number}" for number, column in enumerate(header)
        ]
        self._max_field_lines = max_field_lines

    def __iter__(self) -> Iterator[Block]:
        """Yields the blocks in order.

        Raises:
          LongRecordError: a record is too long.
          DataError: `CheckedStream` rejects the file, or Arrow cannot parse a block.
        """
        header_rows = 1
        for records in CsvRecords(self._stream, self._max_field_lines):
            rows, wrong = self._parsed(records)
            faults = records.faults + [Fault(int(line), WRONG_FIELDS) for line in records.lines[wrong]]
            lines = np.delete(records.lines, wrong)
            yield Block(rows[header_rows:], lines[header_rows:], faults, self._stream.stored_bytes_read)
            header_rows = 0

    def _parsed(self, records: Records) -> tuple[pa.RecordBatch, list[int]]:
        """Returns the rows, and the numbers, counted from 0, of the records with too few or too many fields."""
        wrong: list[int] = []

        def skip(row: Any) -> str:
            wrong.append(row.number - 1)
            return "skip"

        text = {name: pa.string() for name in features.RAW_FEATURES}
        if not len(records.lines):
            return pa.RecordBatch.from_pylist([], pa.schema(text)), wrong
        try:
            table = pacsv.read_csv(
                pa.BufferReader(pa.py_buffer(records.content)),
                read_options=pacsv.ReadOptions(
                    block_size=len(records.content) + 1, use_threads=False, column_names=self._columns
                ),
                parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
                convert_options=pacsv.ConvertOptions(
                    column_types=text, include_columns=list(text), strings_can_be_null=False, check_utf8=False
                ),
            )
        except pa.ArrowInvalid:  # Arrow's message would show the row.
            raise DataError(
                f"{self._name}:{records.lines[0]}: cannot be parsed as CSV from here. Check its quotes and commas."
            ) from None
        rows = table.combine_chunks().to_batches()
        return (rows[0] if rows else pa.RecordBatch.from_pylist([], pa.schema(text))), wrong
