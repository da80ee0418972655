"""Reads the records of a CSV file in blocks, as RFC 4180 defines them, and lists the faulty lines.

A comma or a line end follows a closing quote, and a quoted field has few lines. A violation is reported with its line,
and reading resumes on the next line: a lost quote must not swallow the rows that follow. numpy processes a block as a
whole; single records are checked only near an irregular quote.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from data.reviews.local_files import CheckedStream

BLOCK_BYTES: Final = 4 << 20
MAX_RECORD_BYTES: Final = 8 << 20

# A field with more lines is more likely a lost quote than a title.
MAX_FIELD_LINES: Final = 10

# Arrow's reader ends the process at a record of 360,595 fields.
MAX_FIELDS: Final = 4096

# Number of lines checked one by one from an irregular one on, before numpy processes the rest of the block.
LINES_IN_A_RUN: Final = 32

TEXT_AFTER_QUOTE: Final = "text after a closing quote"
BACKSLASH_QUOTE: Final = "a quote after a backslash, not doubled"
OPEN_QUOTE: Final = "a quote that is never closed"
MANY_LINES: Final = "too many lines in a quoted field"
MANY_FIELDS: Final = f"more than {MAX_FIELDS} fields"
REASONS: Final = (TEXT_AFTER_QUOTE, BACKSLASH_QUOTE, OPEN_QUOTE, MANY_LINES, MANY_FIELDS)

_BOM: Final = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _LF, _CR = b'",\n\r'
_OPEN: Final = rb'"[^"]*(?:""[^"]*)*'
_FIELD: Final = rb"(?:" + _OPEN + rb'"|[^",\r\n][^,\r\n]*)?'
_QUOTED: Final = re.compile(_OPEN + rb'"')
_RECORD: Final = re.compile(rb"(?:" + _FIELD + rb",)*" + _FIELD + rb"(?:\r\n|\n|\r)")
_BEGINNING: Final = re.compile(rb"(?:" + _FIELD + rb",)*(?:" + _FIELD + rb"|" + _OPEN + rb")")

Positions = npt.NDArray[np.int64]


class LongRecordError(Exception):
    """A record has too many bytes. `line` is the line on which it begins."""

    def __init__(self, line: int):
        super().__init__(line)
        self.line = line


class Fault(NamedTuple):
    """A line on which no record begins, and the reason."""

    line: int
    reason: str


class Records(NamedTuple):
    """Complete, consecutive records of a file. Blank lines are no records."""

    content: bytes | memoryview
    lines: Positions
    """The line on which each record begins, counted from 1."""
    faults: list[Fault]
    """The faulty lines between these records, which are not in `content`."""


class CsvRecords:
    """The records of one stream, read once."""

    def __init__(
        self,
        stream: CheckedStream,
        max_field_lines: int,
        block_bytes: int | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ):
        """Sets up the reading.

        Args:
          stream: the file's bytes.
          max_field_lines: maximum number of lines in a quoted field.
          block_bytes: bytes per block; None: `BLOCK_BYTES`.
          max_record_bytes: approximate maximum size of a record, in bytes.
        """
        self._stream = stream
        self._max_field_lines = max_field_lines
        self._block_bytes = block_bytes or BLOCK_BYTES
        self._max_record_bytes = max_record_bytes

    def __iter__(self) -> Iterator[Records]:
        """Yields the records in order; the first block begins with the header.

        Raises:
          LongRecordError: a record is too long. All records before it have been yielded.
          DataError: `CheckedStream` rejects the file.
        """
        line, rest, first = 1, b"", True
        while True:
            data = self._stream.read(self._block_bytes) or b""
            buffer = rest + data
            if first:
                buffer, first = buffer.removeprefix(_BOM), False
            if not data and buffer and buffer[-1] not in (_LF, _CR):
                buffer += b"\n"
            if buffer:
                block = _Block(buffer, line, self._max_field_lines, last=not data)
                records = block.records()
                if len(records.lines) or records.faults:
                    yield records
                rest, line = buffer[block.position :], block.line
            if not data:
                return
            if len(rest) > self._max_record_bytes:
                raise LongRecordError(line)


class _Block:
    """One block of bytes. It begins with a record, and its last record may continue in the next block."""

    def __init__(self, buffer: bytes, line: int, max_field_lines: int, last: bool):
        self.position = 0
        """The position of the first unprocessed record."""
        self._buffer = buffer
        self._first_line = line
        self._max_field_lines = max_field_lines
        self._last = last
        self._bytes = np.frombuffer(buffer, np.uint8)
        self._ends = self._line_ends()
        self._quotes = np.flatnonzero(self._bytes == _QUOTE)
        self._quotes_before = np.searchsorted(self._quotes, self._ends)
        self._odd_quotes: dict[int, Positions] = {}
        self._pieces: list[tuple[int, int]] = []
        self._lines: list[Positions] = []
        self._faults: list[Fault] = []

    @property
    def line(self) -> int:
        """The line that contains `position`."""
        return self._first_line + int(np.searchsorted(self._ends, self.position))

    def records(self) -> Records:
        """Returns the records of the whole block."""
        while True:
            before = int(np.searchsorted(self._quotes, self.position))
            odd = self._odd(before & 1)
            index = int(np.searchsorted(odd, before))
            strange = int(self._quotes[odd[index]]) if index < len(odd) else len(self._buffer)
            self._take_regular(before, strange)
            unfinished = self.position < len(self._buffer)
            if not unfinished or (strange == len(self._buffer) and not self._last) or not self._take_one():
                break
        content: bytes | memoryview = b"".join(self._buffer[start:end] for start, end in self._pieces)
        if len(self._pieces) == 1:
            start, end = self._pieces[0]
            content = memoryview(self._buffer)[start:end]
        lines = np.concatenate(self._lines) if self._lines else np.empty(0, np.int64)
        return Records(content, lines + self._first_line, self._faults)

    def _line_ends(self) -> Positions:
        """Returns the positions of each LF, and of each CR that no LF follows."""
        ends = self._bytes == _LF
        if b"\r" in self._buffer:
            alone = self._bytes == _CR
            alone[:-1] &= ~ends[1:]
            ends |= alone
        return np.flatnonzero(ends)

    def _odd(self, opens: int) -> Positions:
        """Returns the numbers of the quotes that violate RFC 4180, or that open a field with too many lines.

        Args:
          opens: parity of the quotes that open a field or are the second of a doubled quote: 0 for even, 1 for odd.
        """
        if opens not in self._odd_quotes:
            self._odd_quotes[opens] = self._found_odd(opens)
        return self._odd_quotes[opens]

    def _found_odd(self, opens: int) -> Positions:
        if not len(self._quotes):
            return self._quotes
        begins = self._quotes[opens::2]
        ends = self._quotes[1 - opens :: 2]
        before = np.where(begins > 0, self._bytes[begins - 1], _LF)
        after = np.where(ends + 1 < len(self._bytes), self._bytes[np.minimum(ends + 1, len(self._bytes) - 1)], _LF)
        fits_before = (before == _COMMA) | (before == _QUOTE) | (before == _LF) | (before == _CR)
        fits_after = (after == _COMMA) | (after == _QUOTE) | (after == _LF) | (after == _CR)
        odd = [
            np.flatnonzero(~fits_before) * 2 + opens,
            np.flatnonzero(~fits_after) * 2 + (1 - opens),
        ]
        inside = self._quotes_before[((self._quotes_before - opens) & 1) == 1]
        if len(inside):  # The last opening quote that is not part of a doubled one begins the field around a line end.
            fields = np.flatnonzero(before != _QUOTE) * 2 + opens
            opened = np.searchsorted(fields, inside) - 1
            counts = np.bincount(opened[opened >= 0], minlength=len(fields))
            odd.append(fields[counts >= self._max_field_lines])
        return np.unique(np.concatenate(odd))

    def _take_regular(self, before: int, strange: int) -> None:
        """Takes the records from `position` to the byte `strange`; `before` is the number of quotes before them."""
        low, high = np.searchsorted(self._ends, (self.position, strange))
        ends_record = ((self._quotes_before[low:high] - before) & 1) == 0
        numbers = low + np.flatnonzero(ends_record)
        if len(numbers):
            self._take(np.concatenate(([low], numbers[:-1] + 1)), self._ends[numbers] + 1)

    def _take_one(self) -> bool:
        """Takes the line at `position`, as a record or as a fault. Returns False if that depends on the next block.

        After a record the following lines are tried, too: files with such quotes have many of them. With a misplaced
        quote only a record on one line is accepted. On several lines it is more likely two records that a lost quote
        has joined.
        """
        number = int(np.searchsorted(self._ends, self.position))
        ends = self._ends[number : number + LINES_IN_A_RUN].tolist()
        if not ends:
            return False
        taken, start = 0, self.position
        while taken < len(ends) and self._is_record(start, ends[taken] + 1):
            start = ends[taken] + 1
            taken += 1
        if taken:
            self._take(np.arange(number, number + taken), np.array(ends[:taken]) + 1)
            return True
        end = ends[0] + 1
        reason = BACKSLASH_QUOTE if self._has_backslash_quote(start, end) else self._reason(number)
        self._faults.append(Fault(self._first_line + number, reason))
        self.position = end
        return True

    def _is_record(self, start: int, end: int) -> bool:
        """Returns True if the line from `start` to `end` is a record. Unquoted fields may contain quotes."""
        record = _RECORD.match(self._buffer, start, end)
        return record is not None and record.end() == end and not self._has_backslash_quote(start, end)

    def _has_backslash_quote(self, start: int, end: int) -> bool:
        return self._buffer.find(b'\\"', start, end) >= 0

    def _reason(self, number: int) -> str:
        """Returns the fault of the record that begins on line `number` of the block, counted from 0."""
        last = number + self._max_field_lines - 1
        limit = int(self._ends[last]) + 1 if last < len(self._ends) else len(self._buffer)
        if not _BEGINNING.fullmatch(self._buffer, self.position, limit):
            return TEXT_AFTER_QUOTE
        return OPEN_QUOTE if limit == len(self._buffer) else MANY_LINES

    def _take(self, numbers: Positions, ends: Positions) -> None:
        """Takes consecutive records.

        Args:
          numbers: `[records]` lines on which they begin, counted from 0 in the block.
          ends: `[records]` positions after their line ends.
        """
        starts = np.concatenate(([self.position], ends[:-1]))
        sizes = ends - starts
        kept = np.ones(len(ends), bool)
        for index in np.flatnonzero(sizes > MAX_FIELDS):
            if _QUOTED.sub(b"", self._buffer[starts[index] : ends[index]]).count(b",") >= MAX_FIELDS:
                kept[index] = False
                self._faults.append(Fault(self._first_line + int(numbers[index]), MANY_FIELDS))
                self._add_piece(self.position, int(starts[index]))
                self.position = int(ends[index])
        blank = sizes <= 2
        if blank.any():
            kept &= ~(blank & ((self._bytes[starts] == _LF) | (self._bytes[starts] == _CR)))
        self._lines.append(numbers[kept])
        self._add_piece(self.position, int(ends[-1]))
        self.position = int(ends[-1])

    def _add_piece(self, start: int, end: int) -> None:
        if self._pieces and self._pieces[-1][1] == start:
            start = self._pieces.pop()[0]
        if start < end:
            self._pieces.append((start, end))
