"""The hold-out model: the pushed model's configuration, fitted without the hold-out, so that the hold-out can judge it.

The pushed model is fitted on every interaction, so no interaction is left to measure it. Its hold-out model is stored
beside the SavedModel and can score any history, including those of later runs. It also stores hashes of its training
interactions. A later run leaves these out when it compares the two models.
"""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from core.errors import DataError
from data.histories import Interactions
from storage import locations
from trainer.export.quantised_table import StoredTable, stored
from trainer.models.popularity import Popularity
from trainer.models.towers import BookTowers, Table

Hashes = npt.NDArray[np.uint32]

# Errors that numpy and zipfile raise for files that are truncated, empty, of another kind, or corrupt.
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


class HoldoutModel(NamedTuple):
    """The content of a hold-out model's file."""

    towers: BookTowers
    books: list[bytes]
    """The books, in the order of the rows of the towers' tables."""

    trained_on: Hashes
    """Sorted 32-bit hashes of the interactions that the towers were fitted on; two collide with probability 2^-32."""

    popularity: Popularity | None = None
    """float32 `[books]`: the pushed model's scores for unknown users; None in files of older versions."""


def hash_interactions(users: Sequence[bytes], books: Sequence[bytes], interactions: Interactions) -> Hashes:
    """Returns `[n]`: a hash of each interaction's user and book names, which does not depend on their ids.

    Args:
      users: pseudonyms by id.
      books: books by id.
      interactions: `[n]` pairs of ids.
    """
    user_part = _hash_names(users)[interactions.users] * _FIRST_FACTOR
    mixed = (user_part ^ _hash_names(books)[interactions.books]) * _SECOND_FACTOR
    return (mixed >> np.uint64(32)).astype(np.uint32)


def write_holdout_model(holdout_model: HoldoutModel, path: str) -> None:
    """Writes `holdout_model` to `path`, quantised like the served model, so that metrics measure what is served."""
    towers = holdout_model.towers
    query, candidate = stored(towers.query_table), stored(towers.candidate_table)
    neighbours = sp.csr_matrix((0, 0), dtype=np.float32) if towers.neighbours is None else towers.neighbours
    content = io.BytesIO()
    optional: dict[str, Any] = {} if holdout_model.popularity is None else {"popularity": holdout_model.popularity}
    np.savez(
        content,
        query_integers=query.integers,
        query_scales=query.scales,
        candidate_integers=candidate.integers,
        candidate_scales=candidate.scales,
        neighbour_splits=neighbours.indptr,
        neighbour_books=neighbours.indices,
        neighbour_scores=neighbours.data.astype(np.float32),
        book_bytes=np.frombuffer(b"".join(holdout_model.books), np.uint8),
        book_lengths=np.array([len(book) for book in holdout_model.books], np.int32),
        trained_on=holdout_model.trained_on,
        **optional,
    )
    locations.write_bytes(content.getvalue(), path)


def read_holdout_model(path: str) -> HoldoutModel:
    """Returns the hold-out model in the file `path`, with tables at 8 bits or, in older files, in half precision.

    Raises:
      DataError: the file is missing or damaged.
      StorageError: the store that holds it cannot be reached.
    """
    try:
        with np.load(io.BytesIO(locations.read_bytes(path)), allow_pickle=False) as content:
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
            return HoldoutModel(towers, books, content["trained_on"], popularity)
    except _DAMAGES as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}).") from error


def _table(content: Any, name: str) -> Table:
    if f"{name}_table" in content:
        return content[f"{name}_table"].astype(np.float32)
    return StoredTable(content[f"{name}_integers"], content[f"{name}_scales"]).restored()


def _hash_names(names: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    digests = b"".join(hashlib.blake2b(name, digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<u8")
