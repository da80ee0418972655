"""The twin of a pushed model: the same recipe, fitted without the hold-out, so that the hold-out can judge it.

The pushed model has seen every interaction, which is best for its readers and useless for measuring. Its twin goes with
it, beside the SavedModel, and can be asked about any reader's history, today's too. It also names, by hashes, the
interactions that it was trained on: a later run leaves them out when it compares the two.
"""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.book_towers import BookTowers, Table
from trainer.interactions import Interactions
from trainer.popularity import Popularity
from trainer.stored_table import StoredTable, stored
from transform import storage
from transform.errors import DataError

Hashes = npt.NDArray[np.uint32]

# What numpy and zipfile raise for files that are cut, empty, of another kind, or have a few wrong bytes.
_DAMAGES: Final = (
    OSError,
    EOFError,
    RuntimeError,
    TypeError,
    ValueError,
    KeyError,
    zipfile.BadZipFile,
)

_FIRST_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SECOND_FACTOR: Final = np.uint64(0xBF58476D1CE4E5B9)


class Twin(NamedTuple):
    """What the file holds."""

    towers: BookTowers
    books: list[bytes]
    """The books by row of the towers' tables."""

    trained_on: Hashes
    """Sorted hashes of the interactions that the towers were fitted on. One in four billion is there by accident."""

    popularity: Popularity | None = None
    """float32 `[books]`: by what the pushed model recommends to strangers; None: it was pushed before twins kept it."""


def hash_interactions(users: Sequence[bytes], books: Sequence[bytes], interactions: Interactions) -> Hashes:
    """Returns `[n]`: a hash of the names in each interaction, the same in every run whatever the ids are.

    Args:
      users: pseudonyms by id.
      books: books by id.
      interactions: `[n]` pairs of ids.
    """
    user_part = _hash_names(users)[interactions.users] * _FIRST_FACTOR
    mixed = (user_part ^ _hash_names(books)[interactions.books]) * _SECOND_FACTOR
    return (mixed >> np.uint64(32)).astype(np.uint32)


def write_twin(twin: Twin, path: str) -> None:
    """Writes `twin` to `path`. The tables are stored as the served model's are, so that what is measured is served."""
    towers = twin.towers
    query, candidate = stored(towers.query_table), stored(towers.candidate_table)
    neighbours = sp.csr_matrix((0, 0), dtype=np.float32) if towers.neighbours is None else towers.neighbours
    content = io.BytesIO()
    optional: dict[str, Any] = {} if twin.popularity is None else {"popularity": twin.popularity}
    np.savez(
        content,
        query_integers=query.integers,
        query_scales=query.scales,
        candidate_integers=candidate.integers,
        candidate_scales=candidate.scales,
        neighbour_splits=neighbours.indptr,
        neighbour_books=neighbours.indices,
        neighbour_scores=neighbours.data.astype(np.float32),
        book_bytes=np.frombuffer(b"".join(twin.books), np.uint8),
        book_lengths=np.array([len(book) for book in twin.books], np.int32),
        trained_on=twin.trained_on,
        **optional,
    )
    storage.write_bytes(content.getvalue(), path)


def read_twin(path: str) -> Twin:
    """Reads what `write_twin` wrote, or wrote before it stored tables at 8 bits: then they are in half precision.

    Raises:
      DataError: there is no such file, or it is damaged.
      StorageError: the store where it is cannot be asked.
    """
    try:
        with np.load(io.BytesIO(storage.read_bytes(path)), allow_pickle=False) as content:
            ends = np.cumsum(content["book_lengths"])
            text = content["book_bytes"].tobytes()
            query, candidate = _table(content, "query"), _table(content, "candidate")
            splits = content["neighbour_splits"]
            neighbours = sp.csr_matrix(
                (content["neighbour_scores"], content["neighbour_books"], splits), (len(splits) - 1,) * 2
            )
            towers = BookTowers(query, candidate, neighbours if neighbours.shape[0] else None)
            starts = ends - content["book_lengths"]
            books = [text[start:end] for start, end in zip(starts, ends, strict=True)]
            popularity = content.get("popularity")
            return Twin(towers, books, content["trained_on"], popularity)
    except _DAMAGES as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}).") from error


def _table(content: Any, name: str) -> Table:
    if f"{name}_table" in content:
        return content[f"{name}_table"].astype(np.float32)
    return StoredTable(content[f"{name}_integers"], content[f"{name}_scales"]).restored()


def _hash_names(names: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    digests = b"".join(hashlib.blake2b(name, digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<u8")
