"""Reads a CSV of reviews into Arrow tables of the Examples schema, with pseudonyms, and locates its faults."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.pseudonyms import pseudonymise_all
from data.example_schema import EXAMPLE_SCHEMA, as_list_column
from data.reviews.ahead import ahead
from data.reviews.blocks import MAX_FIELD_BYTES, WRONG_FIELDS, Block, ReviewBlocks
from data.reviews.csv_records import MAX_FIELD_LINES, LongRecordError, Positions
from data.reviews.csv_records import REASONS as FORM_REASONS
from data.reviews.header import read_header
from data.reviews.joined_rows import joining
from data.reviews.local_files import CheckedStream, Opener
from data.reviews.notes import Notes, ZeroRating
from data.reviews.values import kind_of, parse_genres, parse_rating
from transform import features

CACHED_VALUES: Final = 1 << 20

NO_USER: Final = "no user"
NO_BOOK: Final = "no book"
BAD_GENRES: Final = "not a list of strings"
JOINED_ROWS: Final = "a line end where another row seems to begin"
REASONS: Final = (NO_USER, NO_BOOK, BAD_GENRES, JOINED_ROWS, WRONG_FIELDS, *FORM_REASONS)


class Reject(NamedTuple):
    """A row that cannot be used. It never holds a value, which could be a name."""

    file: str
    line: int
    column: str
    reason: str


@dataclass
class FileReport:
    """The row count, rejects and notes of one file."""

    file: str
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    sha256: str = ""
    notes: Notes = field(default_factory=Notes)

    @property
    def kept(self) -> int:
        """The number of rows that became examples."""
        return self.rows - len(self.rejects)


class RatingsCsv:
    """One CSV file of reviews."""

    def __init__(
        self,
        open_file: Opener,
        name: str,
        key: bytes,
        max_field_lines: int = MAX_FIELD_LINES,
        zero_rating: ZeroRating = "rating",
    ):
        """Sets up the reading; nothing is read yet.

        Args:
          open_file: opens the file; called more than once.
          name: the file's name in messages; `.gz` at the end means that it is compressed.
          key: the pseudonym key.
          max_field_lines: maximum number of lines in a quoted field.
          zero_rating: the meaning of a rating of 0.
        """
        self._open_file = open_file
        self._name = name
        self._key = key
        self._max_field_lines = max_field_lines
        self._zero_rating = zero_rating
        self._header: list[str] = []
        self._genres: dict[str, list[str] | None] = {}
        self._faults: list[tuple[int, str, str]] = []
        self.report = FileReport(name)
        self.stored_bytes_read = 0
        """The number of bytes that `tables` has read of the file as it is stored."""

    def tables(self) -> Iterator[pa.Table]:
        """Yields the usable rows in order, as tables of `EXAMPLE_SCHEMA`. Afterwards `report` is complete.

        Raises:
          DataError: the file cannot be read as a CSV of reviews.
        """
        self._header = read_header(self._open_file, self._name)
        with CheckedStream(self._open_file(), self._name) as stream:
            yield from self._tables(ReviewBlocks(stream, self._name, self._header, self._max_field_lines))
            self.report.sha256 = stream.sha256.hexdigest()
        self.report.rejects = [Reject(self._name, *fault) for fault in sorted(self._faults)]

    def _tables(self, blocks: ReviewBlocks) -> Iterator[pa.Table]:
        """Converts each block while another thread reads the next one, without access to this object."""
        with closing(ahead(iter(blocks))) as coming:
            try:
                for block in coming:
                    self.stored_bytes_read = block.stored_bytes_read
                    self.report.rows += block.rows.num_rows + len(block.faults)
                    self._faults += [(line, "", reason) for line, reason in block.faults]
                    if block.rows.num_rows:
                        yield self._converted(block)
            except LongRecordError as error:
                raise self._too_long(error.line) from error

    def _converted(self, block: Block) -> pa.Table:
        lines = block.lines
        user, isbn, rating, genres = (
            block.rows.column(name) for name in (features.USER, features.ISBN, features.RATING, features.GENRES)
        )
        for column in (user, isbn, rating, genres):
            self._refuse_long_fields(column, lines)
        ratings = self._ratings(rating, lines)
        self.report.notes.look_at_ratings(ratings)
        self.report.notes.look_at_names(self._name, user, isbn, lines)
        if self._zero_rating == "unrated":
            ratings = pc.if_else(pc.equal(ratings, 0), pa.scalar(None, pa.float32()), ratings)
        parsed, genres_fit = self._parsed_genres(genres)
        fitting = {
            (features.USER, NO_USER): _has_text(user),
            (features.ISBN, NO_BOOK): _has_text(isbn),
            (features.GENRES, BAD_GENRES): genres_fit,
            (features.USER, JOINED_ROWS): self._joins_no_rows(user, features.USER),
            (features.ISBN, JOINED_ROWS): self._joins_no_rows(isbn, features.ISBN),
        }
        self._note_faults(lines, fitting)
        keep = reduce(pc.and_, fitting.values())
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

    def _note_faults(self, lines: Positions, fitting: Mapping[tuple[str, str], pa.Array]) -> None:
        """Records the first fault of each row. `fitting` maps column and reason to a mask of rows without it."""
        faults: dict[int, tuple[str, str]] = {}
        for fault, fits in fitting.items():
            for row in pc.indices_nonzero(pc.invert(fits)).to_pylist():
                faults.setdefault(row, fault)
        self._faults += [(int(lines[row]), column, reason) for row, (column, reason) in faults.items()]

    def _joins_no_rows(self, values: pa.Array, column: str) -> pa.Array:
        fits = np.ones(len(values), bool)
        fits[joining(values, self._header.index(column), self._header)] = False
        return pa.array(fits)

    def _hidden(self, user: pa.Array) -> pa.Array:
        """Returns the users' pseudonyms; each distinct name of a batch is hashed once."""
        distinct = user.dictionary_encode()
        names = distinct.dictionary.to_numpy(zero_copy_only=False)
        return pa.array(pseudonymise_all(names, self._key), pa.string()).take(distinct.indices)

    def _parsed_genres(self, genres: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Returns the genres as lists, null if there are none, and a mask of rows whose text is a list of strings."""
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

    def _ratings(self, rating: pa.Array, lines: Positions) -> pa.Array:
        distinct = rating.dictionary_encode()
        numbers = pa.array([parse_rating(text) for text in distinct.dictionary.to_pylist()], pa.float32())
        ratings = numbers.take(distinct.indices)
        wrong = pc.indices_nonzero(pc.is_nan(ratings))
        if len(wrong):
            row = wrong[0].as_py()
            more = f" (and {len(wrong) - 1:,} more in the rows that follow)" if len(wrong) > 1 else ""
            raise DataError(
                f"{self._name}:{lines[row]}: {features.RATING} is {kind_of(rating[row].as_py())}{more}. Write a "
                f"number from {features.RATING_MIN:g} to {features.RATING_MAX:g}, or leave it empty."
            )
        return ratings

    def _refuse_long_fields(self, column: pa.Array, lines: Positions) -> None:
        longest = pc.max(pc.binary_length(column)).as_py()
        if longest is not None and longest > MAX_FIELD_BYTES:
            row = pc.index(pc.greater(pc.binary_length(column), MAX_FIELD_BYTES), True).as_py()
            raise self._too_long(int(lines[row]))

    def _too_long(self, line: int) -> DataError:
        return DataError(
            f"{self._name}:{line}: a record here has more than {MAX_FIELD_BYTES:,} bytes in a field. Usually a quote "
            "is not closed, or a line end is lost. Correct that line."
        )


def _has_text(column: pa.Array) -> pa.Array:
    return pc.not_equal(pc.utf8_trim_whitespace(column), "")
