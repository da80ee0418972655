"""Every error that Readalike raises on purpose, in one tree.

A message names what is wrong, where (file, line, field), the value, and the remedy. The runners turn the class into an
exit code, so that a scheduler can tell bad input from a gate that did its work.
"""

from collections.abc import Iterator
from typing import ClassVar

from transform.addresses import redacted_text


class ReadalikeError(Exception):
    """Base of all errors that carry a message for the person who runs the pipeline."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str):
        """Takes the message. What a library said may be part of it, with the password of an address."""
        super().__init__(redacted_text(message))


class InputError(ReadalikeError):
    """Something that came from outside cannot be used."""

    exit_code = 2


class ConfigurationError(InputError):
    """A configuration field or flag has a value that cannot work."""


class DataError(InputError):
    """The reviews cannot be read, or nothing usable is in them."""


class PseudonymKeyError(InputError):
    """The pseudonym key is missing, unreadable or too short."""


class ReleaseError(InputError):
    """A pushed model is missing, damaged or does not fit the question."""


class StorageError(InputError):
    """A remote location cannot be reached, refuses access, or is not there."""


class GateError(ReadalikeError):
    """A gate stopped the run: the data or the model is not what the contract promises."""

    exit_code = 3


class KubeflowError(ReadalikeError):
    """Kubeflow Pipelines cannot be reached, does not answer as it must, or a run on it failed."""

    def __init__(self, message: str, transient: bool = False):
        """Takes the message, and whether the same question may be answered a little later."""
        super().__init__(message)
        self.transient = transient


class ServingError(ReadalikeError):
    """A model server cannot be reached, or does not answer what it is asked."""

    def __init__(self, message: str, status: str = "UNKNOWN"):
        """Takes the message, and the name of the gRPC status: what REST says is told by the same names."""
        super().__init__(message)
        self.status = status


def own_error(error: BaseException) -> ReadalikeError | None:
    """Returns the error of ours that is at the root of `error`, if one is."""
    ours = [cause for cause in causes(error) if isinstance(cause, ReadalikeError)]
    return ours[-1] if ours else None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields `error`, what it was raised from or while handling, and so on to the root."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
