"""`python -m data.synthesize`: makes a CSV of synthetic reviews, shaped like the notebook's, at any scale.

The same flags give the same bytes on every machine.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import ConfigurationError
from core.exit_codes import with_exit_code
from data.reviews.csv_writer import HEADER, genres_cell, output_fault, quoted, rating_cell, replacing
from data.synthetic.books import book_genres, book_titles
from data.synthetic.interactions import CHUNK, UNRATED, Interactions
from data.synthetic.names import user_names
from data.synthetic.parameters import SyntheticParameters, parse_parameters


def synthesize(parameters: SyntheticParameters, out: Path) -> None:
    """Writes the data set that `parameters` describe to `out`, compressed if the name ends in `.gz`.

    Raises:
      DataError: `out` cannot be written; an existing `out` stays as it was.
    """
    with replacing(out) as stream:
        write_reviews(parameters, stream)


def write_reviews(parameters: SyntheticParameters, stream: BinaryIO) -> None:
    """Writes the data set that `parameters` describe to `stream`, in chunks of rows."""
    reviews = Interactions(parameters)
    names = user_names(parameters.users, parameters.seed)
    titles = _cells(quoted(title) for title in book_titles(parameters))
    genres = _cells(genres_cell(genres) + "\n" for genres in book_genres(parameters))
    ratings = _cells(rating_cell(None if stars == UNRATED else stars) for stars in range(6))
    stream.write(HEADER.encode())
    for start in range(0, parameters.reviews, CHUNK):
        end = min(start + CHUNK, parameters.reviews)
        book = pa.array(reviews.book[start:end])
        lines = pc.binary_join_element_wise(
            pa.array(range(start, end), pa.int64()).cast(pa.large_string()),
            names.take(pa.array(reviews.user[start:end])),
            titles.take(book),
            ratings.take(pa.array(reviews.rating[start:end])),
            genres.take(book),
            pa.scalar(",", pa.large_string()),
        )
        stream.write(_bytes_of(lines))


def _cells(texts: Any) -> Any:
    return pa.array(list(texts), pa.large_string())


def _bytes_of(lines: Any) -> memoryview:
    """Returns the characters of all `lines`, an Arrow array of large strings that begins at its buffer's start."""
    _, offsets, characters = lines.buffers()
    ends = memoryview(offsets).cast("q")
    return memoryview(characters)[ends[lines.offset] : ends[lines.offset + len(lines)]]


@with_exit_code()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 0, or 2 if a flag does not fit or the file cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m data.synthesize", description="Make a CSV of reviews.")
    for name, field in SyntheticParameters.model_fields.items():
        default = None if field.is_required() else str(field.default)
        parser.add_argument(f"--{name}", metavar="N", required=default is None, default=default, help=field.description)
    parser.add_argument("--out", metavar="FILE", required=True, type=Path, help="the CSV to write: .csv or .csv.gz")
    flags = vars(parser.parse_args(arguments))
    started = time.monotonic()
    out = flags.pop("out")
    parameters = _checked(flags, out)
    synthesize(parameters, out)
    print(
        f"{out}: {parameters.reviews:,} reviews by {parameters.users:,} users of {parameters.books:,} books, "
        f"seed {parameters.seed}, in {time.monotonic() - started:.1f} s"
    )
    return 0


def _checked(flags: dict[str, str], out: Path) -> SyntheticParameters:
    faults = [output_fault(out)]
    try:
        parameters = parse_parameters(flags)
    except ConfigurationError as error:
        faults.append(str(error))
    if any(faults):
        raise ConfigurationError("\n".join(filter(None, faults)))
    return parameters


if __name__ == "__main__":
    sys.exit(main())
