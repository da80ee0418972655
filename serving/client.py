"""A client of TF Serving that serves a model of Readalike, over gRPC or REST."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from serving.answers import Answer, Recommendation
from serving.grpc_transport import GrpcTransport
from serving.rest_transport import RestTransport
from serving.transport import Inputs, Transport, VersionStatus
from transform import features
from transform.addresses import redacted
from transform.errors import ConfigurationError

TRANSPORTS: Final[Mapping[str, type[Transport]]] = {
    "grpc": GrpcTransport,
    "http": RestTransport,
    "https": RestTransport,
}

# What does not fit an int32 is out of every range that the server allows, and so are these.
LEAST_COUNT: Final = -(2**31)
LARGEST_COUNT: Final = 2**31 - 1

MOST_ROWS: Final = 64
"""Of one request: a server that joins requests refuses more than its `max_batch_size`."""

MOST_BOOKS: Final = 1 << 18
"""That are asked for in one request, unless by one row: with titles of 250 bytes, as much as an answer may have."""

LONGEST_TIMEOUT_SECONDS: Final = 1e6

DEFAULT_MODEL: Final = "readalike"
DEFAULT_TIMEOUT_SECONDS: Final = 10.0

Vector = npt.NDArray[np.float32]


class UserVector(NamedTuple):
    """A reader's vector. A book's score is the dot product of both vectors, and what `near` has for it on top."""

    embedding: Vector
    """`[embedding_dim]`, of length 1; zeros for the unknown."""

    near: list[Recommendation]
    """The vector's sparse part; empty for a model without one."""

    known: bool
    """Whether the model knows the reader."""


class BookVector(NamedTuple):
    """A book's vector."""

    embedding: Vector
    """`[embedding_dim]`; zeros for the unknown."""

    known: bool
    """Whether the model knows the book."""


class Client:
    """Asks one model. Every answer has an element for each one of the batch, in its order.

    An empty batch has an empty answer and is not sent: JSON cannot tell an empty matrix from an empty vector. Threads
    may share a client. All methods raise ServingError where the server cannot be reached, refuses, or answers what is
    no answer to the question. They do so in time: the deadline covers all but the lookup of the host's name. More than
    64 rows, and rows that ask for very many books, go as several requests, between which a server may take up another
    version.
    """

    def __init__(self, transport: Transport):
        """Asks by `transport`; `connect` makes both."""
        self._transport = transport

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the connections."""
        self._transport.close()

    def recommend_top(self, user_ids: Sequence[str]) -> list[Answer]:
        """Returns the best books, as many as the model was exported for.

        Args:
          user_ids: `[batch]`, pseudonyms.
        """
        return self._answers(features.SERVING_SIGNATURE, {features.SERVED_USER_ID: _vector(user_ids)})

    def recommend(
        self, user_ids: Sequence[str], k: int | Sequence[int], exclude: Sequence[Sequence[str]] | None = None
    ) -> list[Answer]:
        """Returns the best `k` books without those that are excluded.

        Args:
          user_ids: `[batch]`, pseudonyms.
          k: how many books, for all or `[batch]`.
          exclude: `[batch]` of lists of any length: books to leave out; None: only what each has read.
        """
        return self._answers(
            features.RECOMMEND_SIGNATURE,
            {
                features.SERVED_USER_ID: _vector(user_ids),
                features.SERVED_EXCLUDE: _matrix([()] * len(user_ids) if exclude is None else exclude),
                features.SERVED_K: _counts(k, len(user_ids)),
            },
        )

    def recommend_for_history(self, histories: Sequence[Sequence[str]]) -> list[Answer]:
        """Returns the best books for readers without an account, as many as the model was exported for.

        Args:
          histories: `[batch]` of lists of any length: the books that each liked.
        """
        return self._answers(features.HISTORY_SIGNATURE, {features.SERVED_ISBN: _matrix(histories)})

    def similar_books(self, isbns: Sequence[str], k: int | Sequence[int]) -> list[Answer]:
        """Returns the `k` nearest books, with the cosine of the vectors as the score.

        Args:
          isbns: `[batch]`.
          k: how many books, for all or `[batch]`.
        """
        inputs = {features.SERVED_ISBN: _vector(isbns), features.SERVED_K: _counts(k, len(isbns))}
        return self._answers(features.SIMILAR_BOOKS_SIGNATURE, inputs, features.SERVED_KNOWN_BOOK)

    def user_embedding(self, user_ids: Sequence[str]) -> list[UserVector]:
        """Returns the vectors of readers.

        Args:
          user_ids: `[batch]`, pseudonyms.
        """
        rows = self._rows(
            features.USER_EMBEDDING_SIGNATURE,
            {features.SERVED_USER_ID: _vector(user_ids)},
            (
                features.SERVED_EMBEDDING,
                features.SERVED_NEAR_ISBN,
                features.SERVED_NEAR_SCORE,
                features.SERVED_KNOWN_USER,
            ),
        )
        return [UserVector(embedding, _books(near, scores), bool(known)) for embedding, near, scores, known in rows]

    def book_embedding(self, isbns: Sequence[str]) -> list[BookVector]:
        """Returns the vectors of books.

        Args:
          isbns: `[batch]`.
        """
        rows = self._rows(
            features.BOOK_EMBEDDING_SIGNATURE,
            {features.SERVED_ISBN: _vector(isbns)},
            (features.SERVED_EMBEDDING, features.SERVED_KNOWN_BOOK),
        )
        return [BookVector(embedding, bool(known)) for embedding, known in rows]

    def status(self) -> list[VersionStatus]:
        """Returns what the server says of the model's versions, the newest first."""
        return self._transport.status()

    def _answers(self, signature: str, inputs: Inputs, known: str = features.SERVED_KNOWN_USER) -> list[Answer]:
        names = (features.SERVED_ISBN, features.SERVED_SCORE, known)
        return [
            Answer(_books(isbns, scores), bool(is_known))
            for isbns, scores, is_known in self._rows(signature, inputs, names)
        ]

    def _rows(self, signature: str, inputs: Inputs, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Returns, for each row of the batch, what the outputs `names` have for it."""
        if len(next(iter(inputs.values()))) == 0:
            return []
        found: list[tuple[Any, ...]] = []
        deadline = self._transport.deadline()
        for part in _parts(inputs):
            outputs = self._transport.predict(signature, part, names, deadline)
            found += zip(*(outputs[name] for name in names), strict=True)
        return found


def connect(
    server: str,
    model: str = DEFAULT_MODEL,
    *,
    version: int | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> Client:
    """Returns a client of one model. Nothing is sent yet.

    Args:
      server: `grpc://host:port`, `http://host:port` or `https://host:port`.
      model: the name under which the server has the model.
      version: which version is asked; None: the newest that the server has, whichever that is at the time.
      timeout_seconds: how long one call may take, attempts while the server is away included.

    Raises:
      ConfigurationError: `server` is no such address, or `timeout_seconds` is not above zero, or above a million.
    """
    if not 0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"timeout_seconds={timeout_seconds}: must be above 0, and {LONGEST_TIMEOUT_SECONDS:,.0f} at most."
        )
    try:
        address = urlsplit(server)
        # No server asks for a user and a password.
        complete = address.scheme in TRANSPORTS and address.hostname and address.port and "@" not in address.netloc
    except ValueError:
        complete = False
    if not complete:
        raise ConfigurationError(
            f"{redacted(server)}: is no address of a model server. Write grpc://host:port, http://host:port or https://host:port."
        )
    return Client(TRANSPORTS[address.scheme](server.rstrip("/"), model, version, timeout_seconds))


def _parts(inputs: Inputs) -> Iterator[Inputs]:
    """Yields requests of as many rows as a server takes; inputs of different length go as they are, to be refused."""
    lengths = set(map(len, inputs.values()))
    if len(lengths) > 1:
        yield inputs
        return
    asked = int(inputs[features.SERVED_K].max()) if features.SERVED_K in inputs else 1
    # What the server refuses is sent as it is.
    rows = min(MOST_ROWS, max(1, MOST_BOOKS // asked)) if 1 <= asked <= features.MOST_BOOKS_ASKED else MOST_ROWS
    for start in range(0, max(lengths), rows):
        yield {name: values[start : start + rows] for name, values in inputs.items()}


def _books(isbns: Sequence[str], scores: Sequence[float]) -> list[Recommendation]:
    """Returns what is no padding."""
    return [Recommendation(isbn, float(score)) for isbn, score in zip(isbns, scores, strict=True) if isbn]


def _vector(texts: Sequence[str]) -> npt.NDArray[np.object_]:
    """Returns `[batch]` of strings."""
    if isinstance(texts, str):
        raise TypeError("a list of strings is needed, not one string")
    return np.array(list(texts), object)


def _matrix(rows: Sequence[Sequence[str]]) -> npt.NDArray[np.object_]:
    """Returns `[batch, n]` of strings, filled up with `""`, which the model ignores.

    Each row begins with one: a server that joins requests widens the narrower ones with their very first value.
    """
    matrix = np.full((len(rows), 1 + max(map(len, rows), default=0)), "", object)
    for row, texts in zip(matrix, rows, strict=True):
        row[1 : len(texts) + 1] = _vector(texts)
    return matrix


def _counts(k: int | Sequence[int], rows: int) -> npt.NDArray[np.int32]:
    """Returns int32 `[rows]`."""
    counts = [k] * rows if isinstance(k, (int, np.integer)) else k
    return np.array([min(max(count, LEAST_COUNT), LARGEST_COUNT) for count in counts], np.int32)
