"""Small files of reviews, and what RatingsCsv reads of them."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from core.pseudonyms import pseudonymise
from data.example_schema import EXAMPLE_SCHEMA
from data.reviews.csv_reader import FileReport, RatingsCsv
from data.reviews.local_files import local_opener

KEY = b"0123456789abcdef"
HEADER = ",User,ISBN,RatingOf5,Genres\n"
GOOD = "".join(f"{i},Annabel-Q,Dune {i},5,\n" for i in range(50))


class Row(NamedTuple):
    user: str
    isbn: str
    rating: float | None
    genres: list[str] | None


def row(user: str, isbn: str, rating: float | None, genres: list[str] | None = None) -> Row:
    return Row(pseudonymise(user, KEY), isbn, rating, genres)


def read(content: bytes | str, folder: Path, name: str = "reviews.csv") -> tuple[list[Row], FileReport]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    source = RatingsCsv(local_opener(path), str(path), KEY)
    tables = list(source.tables())
    assert all(table.schema == EXAMPLE_SCHEMA for table in tables)
    rows = [
        Row(
            values["User"][0].decode(),
            values["ISBN"][0].decode(),
            values["RatingOf5"][0] if values["RatingOf5"] else None,
            [genre.decode() for genre in values["Genres"]] if values["Genres"] else None,
        )
        for values in pa.concat_tables(tables or [EXAMPLE_SCHEMA.empty_table()]).to_pylist()
    ]
    return rows, source.report
