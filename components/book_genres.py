"""The genres of books, which stand in reviews."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components import parquet_examples
from transform import features


def first_genres(
    examples_uri: str, splits: Sequence[str], books: Sequence[bytes]
) -> tuple[list[int], list[list[bytes]]]:
    """Returns which of `books` have genres, and their genres, those of the first review of each that names any.

    Args:
      examples_uri: InteractionSplitter's examples.
      splits: whose reviews are read, one after the other.
      books: titles.

    Returns:
      Places in `books`, in the order in which they were found, and the genres of each.
    """
    ids = pa.array(books, pa.large_binary())
    missing = np.ones(len(books), np.bool_)
    found: list[int] = []
    lists: list[list[bytes]] = []
    for table in parquet_examples.read_splits(examples_uri, splits, [features.ISBN, features.GENRES]):
        genres = table.column(features.GENRES).combine_chunks()
        named = np.flatnonzero(np.asarray(pc.fill_null(pc.list_value_length(genres), 0)))
        titles = parquet_examples.scalar_column(table, features.ISBN).take(pa.array(named))
        known, first = np.unique(np.asarray(pc.fill_null(pc.index_in(titles, ids), -1)), return_index=True)
        new = (known >= 0) & missing[known]
        missing[known[new]] = False
        found += known[new].tolist()
        lists += genres.take(pa.array(named[first[new]])).to_pylist()
    return found, lists
