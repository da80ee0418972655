"""Asks a model server, by any protocol: deadline, retries and error messages."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import numpy.typing as npt

from core.addresses import redacted
from core.errors import ServingError
from core.terminal_text import visible
from serving.wire_answers import checked

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0

# An attempt at the deadline still needs a timeout above zero.
LEAST_SECONDS: Final = 0.001

# Maximum length of a server's quoted message: TF Serving quotes requests of any length.
MOST_DETAIL_CHARACTERS: Final = 500

# Limits of one answer: twice what a million books take as JSON. A larger answer could fill the memory.
MOST_ANSWER_BYTES: Final = 64 << 20
MOST_ELEMENTS: Final = 1 << 24

UNAVAILABLE: Final = "UNAVAILABLE"
DEADLINE_EXCEEDED: Final = "DEADLINE_EXCEEDED"
FAILED_PRECONDITION: Final = "FAILED_PRECONDITION"

_SIGNATURES: Final = "docs/signatures.md, lists the signatures"
_REMEDIES: Final = {
    UNAVAILABLE: "Start the server, or mend the address: TF Serving's own are port 8500 for gRPC and 8501 for REST.",
    DEADLINE_EXCEEDED: "Allow more timeout_seconds, or ask for fewer rows at once.",
    "NOT_FOUND": "Mend the model's name or version: the server's --model_name, and a version that status() lists.",
    "INVALID_ARGUMENT": f"Mend the request: {_SIGNATURES}, and what they refuse.",
    FAILED_PRECONDITION: f"Serve a model that this version of Readalike pushed: {_SIGNATURES}.",
    "RESOURCE_EXHAUSTED": "Ask for fewer rows at once, or later.",
}
_OTHER_REMEDY: Final = "The server's log says more."

Inputs = Mapping[str, npt.NDArray[Any]]
"""int32 arrays, and arrays of `str` objects; bytes that are not UTF-8 are surrogates, as by `surrogateescape`."""

Outputs = Mapping[str, npt.NDArray[Any]]
"""As `Inputs`, of any type and shape."""

Answer = TypeVar("Answer")


class VersionStatus(NamedTuple):
    """A server's status of one version of a model."""

    version: int
    state: str
    """START, LOADING, AVAILABLE, UNLOADING or END."""

    error: str
    """Why it could not be loaded; empty without an error."""


class AttemptError(Exception):
    """One attempt failed."""

    def __init__(self, status: str, detail: str, passing: bool):
        """Takes the name of the gRPC status, the server's message, and whether another attempt may succeed."""
        super().__init__(detail)
        self.status, self.detail, self.passing = status, detail, passing


class Transport(ABC):
    """One model on one server. Threads may share it."""

    def __init__(self, server: str, model: str, version: int | None, timeout_seconds: float):
        """Stores the address. Nothing is sent yet.

        Args:
          server: the address, with its scheme.
          model: the name under which the server has the model.
          version: the version to ask; None: the newest that the server has.
          timeout_seconds: maximum duration of one call, all attempts together.
        """
        self.server, self.model, self.version, self.timeout_seconds = server, model, version, timeout_seconds

    def deadline(self) -> float:
        """Returns the deadline of a call that begins now, in seconds of the monotonic clock."""
        return time.monotonic() + self.timeout_seconds

    def predict(self, signature: str, inputs: Inputs, needed: Collection[str], deadline: float) -> Outputs:
        """Returns the outputs `needed` of `signature`, by name, checked by `serving.wire_answers.checked`.

        Raises:
          ServingError: there was no answer within the deadline, a refusal, or an invalid answer.
        """
        asked = f"signature {signature}, {len(next(iter(inputs.values())))} rows"
        outputs = self._ask(asked, lambda seconds: self._predict(signature, inputs, needed, seconds), deadline)
        missing = sorted(set(needed) - outputs.keys())
        try:
            if missing:
                raise ValueError(f"the answer lacks {', '.join(missing)}")
            return checked(outputs, inputs)
        except ValueError as error:
            raise self._error(asked, AttemptError(FAILED_PRECONDITION, str(error), passing=False)) from error

    def status(self) -> list[VersionStatus]:
        """Returns the server's status of each version of the model, the newest first.

        Raises:
          ServingError: there was no answer within the deadline, or a refusal.
        """
        return sorted(self._ask("state of the versions", self._status, self.deadline()), reverse=True)

    @abstractmethod
    def close(self) -> None:
        """Closes the connections."""

    @abstractmethod
    def _predict(self, signature: str, inputs: Inputs, needed: Collection[str], seconds: float) -> Outputs:
        """Asks once, for at most `seconds`. Returns the outputs in `needed` that exist; raises AttemptError."""

    @abstractmethod
    def _status(self, seconds: float) -> list[VersionStatus]:
        """Asks once, for at most `seconds`; raises AttemptError."""

    def _ask(self, asked: str, attempt: Callable[[float], Answer], deadline: float) -> Answer:
        """Returns the result of `attempt`, which takes the seconds left; retries failures that may pass."""
        longest_pause = FIRST_PAUSE_SECONDS
        passed: AttemptError | None = None
        while True:
            try:
                return attempt(max(deadline - time.monotonic(), LEAST_SECONDS))
            except AttemptError as failure:
                # A random length keeps many clients from retrying in step.
                pause = random.uniform(longest_pause / 2, longest_pause)
                if not failure.passing or time.monotonic() + pause >= deadline:
                    # A last attempt with little time left says less than the one before it.
                    told = passed if passed is not None and failure.status == DEADLINE_EXCEEDED else failure
                    raise self._error(asked, told) from failure
                passed = failure
            time.sleep(pause)
            longest_pause = min(2 * longest_pause, LONGEST_PAUSE_SECONDS)

    def _error(self, asked: str, failure: AttemptError) -> ServingError:
        version = "" if self.version is None else f" version {self.version}"
        detail = visible(" ".join(failure.detail.split()).rstrip("."))
        if len(detail) > MOST_DETAIL_CHARACTERS:
            detail = f"{detail[:MOST_DETAIL_CHARACTERS]}…"
        return ServingError(
            f"{redacted(self.server)}: model {self.model}{version}, {asked}: {failure.status} ({detail}). "
            f"{_REMEDIES.get(failure.status, _OTHER_REMEDY)}",
            failure.status,
        )
