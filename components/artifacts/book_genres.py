"""Reads the genres of books from reviews."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.artifacts import parquet_examples
from data.example_schema import scalar_column
from transform import features


def first_genres(
    examples_uri: str, splits: Sequence[str], books: Sequence[bytes]
) -> tuple[list[int], list[list[bytes]]]:
    """Returns the books that have genres, and their genres: those of each book's first review with genres.

    Args:
      examples_uri: InteractionSplitter's examples.
      splits: the splits to read, one after the other.
      books: the books' names, by id.

    Returns:
      Indices into `books`, in the order found, and the genres of each.
    """
    ids = pa.array(books, pa.large_binary())
    missing = np.ones(len(books), np.bool_)
    found: list[int] = []
    lists: list[list[bytes]] = []
    for table in parquet_examples.read_splits(examples_uri, splits, [features.ISBN, features.GENRES]):
        genres = table.column(features.GENRES).combine_chunks()
        named = np.flatnonzero(np.asarray(pc.fill_null(pc.list_value_length(genres), 0)))
        titles = scalar_column(table, features.ISBN).take(pa.array(named))
        known, first = np.unique(np.asarray(pc.fill_null(pc.index_in(titles, ids), -1)), return_index=True)
        new = (known >= 0) & missing[known]
        missing[known[new]] = False
        found += known[new].tolist()
        lists += genres.take(pa.array(named[first[new]])).to_pylist()
    return found, lists
