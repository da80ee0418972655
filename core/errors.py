"""Every error that Readalike raises on purpose, in one tree.

A message names the fault, the place (file, line, field), the value and the remedy. The runners map the class to an exit
code, so a scheduler can distinguish bad input from a gate that stopped the run.
"""

from collections.abc import Iterator
from typing import ClassVar

from core.addresses import redacted_text


class ReadalikeError(Exception):
    """Base of all errors that carry a message for the person who runs the pipeline."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str):
        """Stores the message without passwords: it may quote a library's error that repeats an address."""
        super().__init__(redacted_text(message))


class InputError(ReadalikeError):
    """Input from outside cannot be used."""

    exit_code = 2


class ConfigurationError(InputError):
    """A configuration field or flag has a value that cannot work."""


class DataError(InputError):
    """The reviews cannot be read, or none of them is usable."""


class PseudonymKeyError(InputError):
    """The pseudonym key is missing, unreadable or too short."""


class ReleaseError(InputError):
    """A pushed model is missing, damaged or does not fit the request."""


class StorageError(InputError):
    """A remote location cannot be reached, refuses access, or is not there."""


class GateError(ReadalikeError):
    """A gate stopped the run: the data or the model failed its checks."""

    exit_code = 3


class KubeflowError(ReadalikeError):
    """Kubeflow Pipelines cannot be reached, gives an unexpected answer, or a run on it failed."""

    def __init__(self, message: str, transient: bool = False):
        """Stores the message, and whether a later retry may succeed."""
        super().__init__(message)
        self.transient = transient


class ServingError(ReadalikeError):
    """A model server cannot be reached, or does not answer the request."""

    def __init__(self, message: str, status: str = "UNKNOWN"):
        """Stores the message and the name of the gRPC status. REST errors use the same names."""
        super().__init__(message)
        self.status = status


def own_error(error: BaseException) -> ReadalikeError | None:
    """Returns the ReadalikeError nearest to the root cause of `error`, or None."""
    ours = [cause for cause in causes(error) if isinstance(cause, ReadalikeError)]
    return ours[-1] if ours else None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields `error` and its chain of causes and contexts, down to the root."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
