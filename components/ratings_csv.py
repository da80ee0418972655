"""From a CSV of reviews to Arrow tables of the Examples schema: columns at a time, users hidden, faults located."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.ahead import ahead
from components.parquet_examples import EXAMPLE_SCHEMA, as_list_column
from components.review_blocks import END_BYTES, MAX_FIELD_BYTES, LongRecordError, ReviewBlocks
from components.review_files import CheckedStream, Opener, last_record_line, read_header, record_lines
from components.review_values import parse_genres, parse_rating
from transform import features
from transform.errors import DataError
from transform.pseudonyms import pseudonymise_all

CACHED_VALUES: Final = 1 << 20

NO_USER: Final = "no user"
NO_BOOK: Final = "no book"
BAD_GENRES: Final = "not a list of strings"
WRONG_FIELDS: Final = "wrong number of fields"
REASONS: Final = (NO_USER, NO_BOOK, BAD_GENRES, WRONG_FIELDS)


class Reject(NamedTuple):
    """A row that cannot be used. It never carries a value: that could be a name."""

    file: str
    line: int
    column: str
    reason: str


@dataclass
class FileReport:
    """What was read from one file."""

    file: str
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    sha256: str = ""

    @property
    def kept(self) -> int:
        """The number of rows that became examples."""
        return self.rows - len(self.rejects)


class RatingsCsv:
    """One CSV file of reviews."""

    def __init__(self, open_file: Opener, name: str, key: bytes):
        """Sets up the reading; nothing is read yet.

        Args:
          open_file: opens the file; called more than once.
          name: its name in messages; `.gz` at the end means that it is packed.
          key: key of the pseudonyms.
        """
        self._open_file = open_file
        self._name = name
        self._key = key
        self._genres: dict[str, list[str] | None] = {}
        self._wrong_fields: list[int] = []
        self._faulty: list[tuple[int, str, str]] = []
        self._valid_rows = 0
        self.report = FileReport(name)
        self.stored_bytes_read = 0
        """How many bytes of the file, as it is stored, `tables` has read."""

    def tables(self) -> Iterator[pa.Table]:
        """Yields the usable rows in order, as tables of `EXAMPLE_SCHEMA`. Afterwards `report` is complete.

        Raises:
          DataError: the file cannot be read as a CSV of reviews.
        """
        read_header(self._open_file, self._name)
        with CheckedStream(self._open_file(), self._name, last_bytes=END_BYTES) as stream:
            blocks = ReviewBlocks(stream, self._name)
            yield from self._tables(blocks)
            self.report.sha256 = stream.sha256.hexdigest()
        if not blocks.closed_quotes:
            raise DataError(
                f"{self._name}:{last_record_line(self._open_file, self._name)}: a quote that is opened in this record "
                "is never closed, so that the rest of the file counts as one field. Close it."
            )
        self._close_report()

    def _tables(self, blocks: ReviewBlocks) -> Iterator[pa.Table]:
        """Converts each block while the next one is read in another thread, which looks at nothing of this object."""
        with closing(ahead(iter(blocks))) as coming:
            try:
                for block in coming:
                    self.stored_bytes_read = block.stored_bytes_read
                    self._wrong_fields += block.wrong_fields
                    if block.rows:
                        yield self._converted(block.rows)
            except LongRecordError as error:
                raise self._too_long(error.record) from error

    def _converted(self, batch: pa.RecordBatch) -> pa.Table:
        first = self._valid_rows
        user, isbn, rating, genres = (
            batch.column(name) for name in (features.USER, features.ISBN, features.RATING, features.GENRES)
        )
        for column in (user, isbn, rating, genres):
            self._refuse_long_fields(column, first)
        ratings = self._ratings(rating, first)
        parsed, genres_fit = self._parsed_genres(genres)
        has_user, has_book = _has_text(user), _has_text(isbn)
        self._note_faults(first, has_user, has_book, genres_fit)
        keep = pc.and_(pc.and_(has_user, has_book), genres_fit)
        self._valid_rows += batch.num_rows
        table = pa.table(
            {
                features.GENRES: parsed,
                features.ISBN: as_list_column(isbn, pa.large_binary()),
                features.RATING: as_list_column(ratings, pa.float32()),
                features.USER: as_list_column(self._hidden(user), pa.large_binary()),
            },
            schema=EXAMPLE_SCHEMA,
        )
        return table.filter(keep)

    def _note_faults(self, first: int, has_user: pa.Array, has_book: pa.Array, genres_fit: pa.Array) -> None:
        faults: dict[int, tuple[str, str]] = {}
        for fits, column, reason in (
            (has_user, features.USER, NO_USER),
            (has_book, features.ISBN, NO_BOOK),
            (genres_fit, features.GENRES, BAD_GENRES),
        ):
            for row in pc.indices_nonzero(pc.invert(fits)).to_pylist():
                faults.setdefault(row, (column, reason))
        self._faulty.extend((first + row, column, reason) for row, (column, reason) in sorted(faults.items()))

    def _hidden(self, user: pa.Array) -> pa.Array:
        """Returns the users' pseudonyms; each distinct name of a batch is hashed once."""
        distinct = user.dictionary_encode()
        names = distinct.dictionary.to_numpy(zero_copy_only=False)
        return pa.array(pseudonymise_all(names, self._key), pa.string()).take(distinct.indices)

    def _parsed_genres(self, genres: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Returns the genres as lists, null where there are none, and whether each row's text is a list of strings."""
        distinct = genres.dictionary_encode()
        texts = distinct.dictionary.to_numpy(zero_copy_only=False)
        if len(self._genres) > CACHED_VALUES:
            self._genres.clear()
        for text in texts:
            if text not in self._genres:
                self._genres[text] = parse_genres(text)
        lists = [self._genres[text] for text in texts]
        values = pa.array([names or None for names in lists], pa.large_list(pa.large_string()))
        fits = pa.array([names is not None for names in lists], pa.bool_())
        return (
            values.take(distinct.indices).cast(pa.large_list(pa.large_binary())),
            fits.take(distinct.indices),
        )

    def _ratings(self, rating: pa.Array, first: int) -> pa.Array:
        distinct = rating.dictionary_encode()
        numbers = pa.array([parse_rating(text) for text in distinct.dictionary.to_pylist()], pa.float32())
        ratings = numbers.take(distinct.indices)
        wrong = pc.indices_nonzero(pc.is_nan(ratings))
        if len(wrong):
            row = wrong[0].as_py()
            more = f" (and {len(wrong) - 1:,} more in the rows that follow)" if len(wrong) > 1 else ""
            raise DataError(
                f"{self._name}:{self._line(first + row)}: {features.RATING} is {_shown(rating[row].as_py())}, "
                f"which is not a number{more}. Write {features.RATING_MIN:g} to {features.RATING_MAX:g}, or leave it "
                "empty."
            )
        return ratings

    def _refuse_long_fields(self, column: pa.Array, first: int) -> None:
        longest = pc.max(pc.binary_length(column)).as_py()
        if longest is not None and longest > MAX_FIELD_BYTES:
            row = pc.index(pc.greater(pc.binary_length(column), MAX_FIELD_BYTES), True).as_py()
            raise self._too_long(self._record(first + row))

    def _too_long(self, record: int) -> DataError:
        line = record_lines(self._open_file, self._name, [record]).get(record, 1)
        return DataError(
            f"{self._name}:{line}: a record here has more than {MAX_FIELD_BYTES:,} bytes in a field. Usually a quote "
            "is not closed, so that what follows counts as one field. Close it."
        )

    def _line(self, valid_row: int) -> int:
        """Returns the line on which row number `valid_row` of the well-formed rows begins."""
        record = self._record(valid_row)
        return record_lines(self._open_file, self._name, [record])[record]

    def _record(self, valid_row: int) -> int:
        """Returns a row's number among all records, from its number among the well-formed ones."""
        before = [record - index for index, record in enumerate(self._wrong_fields)]
        return valid_row + bisect_right(before, valid_row)

    def _close_report(self) -> None:
        faults = [(record, "", WRONG_FIELDS) for record in self._wrong_fields]
        before = [record - index for index, record in enumerate(self._wrong_fields)]
        faults += [(row + bisect_right(before, row), column, reason) for row, column, reason in self._faulty]
        faults.sort()
        self.report.rows = self._valid_rows + len(self._wrong_fields)
        if faults:
            lines = record_lines(self._open_file, self._name, [record for record, _, _ in faults])
            self.report.rejects = [
                Reject(self._name, lines[record], column, reason) for record, column, reason in faults
            ]


def _has_text(column: pa.Array) -> pa.Array:
    return pc.not_equal(pc.utf8_trim_whitespace(column), "")


def _shown(text: str) -> str:
    """Returns the beginning of a value for a message, its first line only: what follows could be another row's name."""
    first, *rest = text.strip().splitlines()
    return f"{first[:40]!r}" + (" and goes on over several lines" if rest else "")
