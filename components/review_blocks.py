"""The records of a CSV of reviews, as columns of text a block at a time, and which records are no rows."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.csv as pacsv

from components.review_files import CheckedStream
from transform import features
from transform.errors import DataError

# A record must fit into two blocks; a field of a megabyte is a mistake, not a title.
BLOCK_BYTES: Final = 4 << 20
MAX_FIELD_BYTES: Final = 1 << 20

# A row of our own after the file's last one. It arrives as a row only if no quote is open at the end of the file; no
# row of the file can be equal, because NUL bytes are refused.
END_ROW: Final = "\0"
END_BYTES: Final = f"\n{END_ROW}\n".encode()


class LongRecordError(Exception):
    """A record is too long; which, counted from 0 without the header and blank lines. Its line is not known here."""

    def __init__(self, record: int):
        super().__init__(record)
        self.record = record


class Block(NamedTuple):
    """What was read in one go. It shares nothing with the blocks after it, which another thread may be reading."""

    rows: pa.RecordBatch | None
    """The well-formed rows, a column of text for each raw feature; None in the last block."""

    wrong_fields: list[int]
    """The records that were met with a wrong number of fields, by their numbers."""

    stored_bytes_read: int
    """How many bytes of the file, as it is stored, had been read by then."""


class ReviewBlocks:
    """The blocks of one file, read once."""

    def __init__(self, stream: CheckedStream, name: str):
        """Sets up the reading.

        Args:
          stream: the file's bytes, and `END_BYTES` after them.
          name: its name in messages.
        """
        self._stream = stream
        self._name = name
        self._wrong_fields: list[int] = []
        self._long_record: int | None = None
        self.closed_quotes = False
        """Whether no quote was open at the end of the file: True only after the last block."""

    def __iter__(self) -> Iterator[Block]:
        """Yields the blocks in order.

        Raises:
          LongRecordError: a record has a field that is too long, or does not fit into two blocks.
          DataError: the file cannot be parsed, or is not what `CheckedStream` lets through.
        """
        text = {name: pa.string() for name in features.RAW_FEATURES}
        records = 0
        try:
            reader = pacsv.open_csv(
                pa.PythonFile(self._stream, mode="r"),
                read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
                parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._skip_row),
                convert_options=pacsv.ConvertOptions(
                    column_types=text, include_columns=list(text), strings_can_be_null=False, check_utf8=False
                ),
            )
            for rows in reader:
                block = self._block(rows)
                records += rows.num_rows + len(block.wrong_fields)
                yield block
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) or "Row #" in str(error):
                raise LongRecordError(records + len(self._wrong_fields)) from error
            raise DataError(f"{self._name}: cannot be parsed as CSV ({error}). Check its quotes and commas.") from error
        yield self._block(None)

    def _block(self, rows: pa.RecordBatch | None) -> Block:
        if self._long_record is not None:
            raise LongRecordError(self._long_record)
        wrong_fields, self._wrong_fields = self._wrong_fields, []
        return Block(rows, wrong_fields, self._stream.stored_bytes_read)

    def _skip_row(self, row: Any) -> str:
        if row.text == END_ROW:
            self.closed_quotes = True
            return "skip"
        record = row.number - 2  # Arrow counts the header as row 1, and blank lines not at all.
        self._wrong_fields.append(record)
        if self._long_record is None and len(row.text.encode()) > MAX_FIELD_BYTES:
            self._long_record = record  # To raise here would mean to raise through Arrow.
        return "skip"
