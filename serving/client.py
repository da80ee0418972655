"""A client of TF Serving that serves a model of Readalike, over gRPC or REST."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from core.addresses import redacted
from core.errors import ConfigurationError
from serving.answers import Answer, Recommendation
from serving.grpc_transport import GrpcTransport
from serving.rest_transport import RestTransport
from serving.transport import Inputs, Transport, VersionStatus
from transform import features

TRANSPORTS: Final[Mapping[str, type[Transport]]] = {
    "grpc": GrpcTransport,
    "http": RestTransport,
    "https": RestTransport,
}

# Counts beyond int32 are clipped to these, which are also outside every range that the server allows.
LEAST_COUNT: Final = -(2**31)
LARGEST_COUNT: Final = 2**31 - 1

MOST_ROWS: Final = 64
"""Maximum rows of one request: a server that batches requests refuses more than its `max_batch_size`."""

MOST_BOOKS: Final = 1 << 18
"""Maximum books of a request with several rows: with titles of 250 bytes, they fill the largest allowed answer."""

LONGEST_TIMEOUT_SECONDS: Final = 1e6

DEFAULT_MODEL: Final = "readalike"
DEFAULT_TIMEOUT_SECONDS: Final = 10.0

Vector = npt.NDArray[np.float32]


class UserVector(NamedTuple):
    """A reader's vector. A book's score is the dot product of both vectors, plus the book's score in `near`."""

    embedding: Vector
    """`[embedding_dim]`, of length 1; zeros for an unknown reader."""

    near: list[Recommendation]
    """The vector's sparse part; empty for a model without one."""

    known: bool
    """Whether the model knows the reader."""


class BookVector(NamedTuple):
    """A book's vector."""

    embedding: Vector
    """`[embedding_dim]`; zeros for an unknown book."""

    known: bool
    """Whether the model knows the book."""


class Client:
    """Asks one model. Every answer has one element per element of the batch, in the same order.

    An empty batch has an empty answer and is not sent: JSON cannot tell an empty matrix from an empty vector. Threads
    may share a client. All methods raise ServingError if the server cannot be reached, refuses, or sends an invalid
    answer. The deadline covers everything but the lookup of the host name. More than 64 rows, or rows that request very
    many books, are split into several requests. The server may switch to another version between them.
    """

    def __init__(self, transport: Transport):
        """Asks through `transport`; `connect` makes both."""
        self._transport = transport

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def recommend_top(self, user_ids: Sequence[str]) -> list[Answer]:
        """Returns the best books, `top_k` of the export for each reader.

        Args:
          user_ids: `[batch]`, pseudonyms.
        """
        return self._answers(features.SERVING_SIGNATURE, {features.SERVED_USER_ID: _vector(user_ids)})

    def recommend(
        self, user_ids: Sequence[str], k: int | Sequence[int], exclude: Sequence[Sequence[str]] | None = None
    ) -> list[Answer]:
        """Returns the best `k` books without the excluded ones.

        Args:
          user_ids: `[batch]`, pseudonyms.
          k: number of books, one for all readers or `[batch]`.
          exclude: `[batch]` lists of any length: books to leave out besides those read; None: only those read.
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
        """Returns the best books for readers without an account, `top_k` of the export for each.

        Args:
          histories: `[batch]` lists of any length: the books that each reader liked.
        """
        return self._answers(features.HISTORY_SIGNATURE, {features.SERVED_ISBN: _matrix(histories)})

    def similar_books(self, isbns: Sequence[str], k: int | Sequence[int]) -> list[Answer]:
        """Returns the `k` nearest books, with the cosine of the vectors as the score.

        Args:
          isbns: `[batch]`.
          k: number of books, one for all `isbns` or `[batch]`.
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
        """Returns the server's status of each version of the model, the newest first."""
        return self._transport.status()

    def _answers(self, signature: str, inputs: Inputs, known: str = features.SERVED_KNOWN_USER) -> list[Answer]:
        names = (features.SERVED_ISBN, features.SERVED_SCORE, known)
        return [
            Answer(_books(isbns, scores), bool(is_known))
            for isbns, scores, is_known in self._rows(signature, inputs, names)
        ]

    def _rows(self, signature: str, inputs: Inputs, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Returns, for each row of the batch, its values in the outputs `names`."""
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
      version: the version to ask; None: the newest that the server has at the time of each request.
      timeout_seconds: maximum duration of one call, retries included.

    Raises:
      ConfigurationError: `server` is no such address, or `timeout_seconds` is not above 0 and at most a million.
    """
    if not 0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"timeout_seconds={timeout_seconds}: must be above 0, and {LONGEST_TIMEOUT_SECONDS:,.0f} at most."
        )
    try:
        address = urlsplit(server)
        # TF Serving has no user names or passwords.
        complete = address.scheme in TRANSPORTS and address.hostname and address.port and "@" not in address.netloc
    except ValueError:
        complete = False
    if not complete:
        raise ConfigurationError(
            f"{redacted(server)}: is no address of a model server. Write grpc://host:port, http://host:port or https://host:port."
        )
    return Client(TRANSPORTS[address.scheme](server.rstrip("/"), model, version, timeout_seconds))


def _parts(inputs: Inputs) -> Iterator[Inputs]:
    """Yields requests with as many rows as a server accepts; inputs of unequal length pass whole, to be refused."""
    lengths = set(map(len, inputs.values()))
    if len(lengths) > 1:
        yield inputs
        return
    asked = int(inputs[features.SERVED_K].max()) if features.SERVED_K in inputs else 1
    # The server refuses other counts, so they need no smaller requests.
    rows = min(MOST_ROWS, max(1, MOST_BOOKS // asked)) if 1 <= asked <= features.MOST_BOOKS_ASKED else MOST_ROWS
    for start in range(0, max(lengths), rows):
        yield {name: values[start : start + rows] for name, values in inputs.items()}


def _books(isbns: Sequence[str], scores: Sequence[float]) -> list[Recommendation]:
    """Returns the recommendations without padding."""
    return [Recommendation(isbn, float(score)) for isbn, score in zip(isbns, scores, strict=True) if isbn]


def _vector(texts: Sequence[str]) -> npt.NDArray[np.object_]:
    """Returns `[batch]` of strings."""
    if isinstance(texts, str):
        raise TypeError("a list of strings is needed, not one string")
    return np.array(list(texts), object)


def _matrix(rows: Sequence[Sequence[str]]) -> npt.NDArray[np.object_]:
    """Returns `[batch, n]` of strings, padded with `""`, which the model ignores.

    Each row begins with `""`: a server that batches requests pads narrower ones with their first value.
    """
    matrix = np.full((len(rows), 1 + max(map(len, rows), default=0)), "", object)
    for row, texts in zip(matrix, rows, strict=True):
        row[1 : len(texts) + 1] = _vector(texts)
    return matrix


def _counts(k: int | Sequence[int], rows: int) -> npt.NDArray[np.int32]:
    """Returns int32 `[rows]`."""
    counts = [k] * rows if isinstance(k, (int, np.integer)) else k
    return np.array([min(max(count, LEAST_COUNT), LARGEST_COUNT) for count in counts], np.int32)
