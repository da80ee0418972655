"""Asks TF Serving over REST, with the standard library and numpy alone: without TensorFlow."""

import base64
import http.client
import json
import urllib.error
from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import quote
from urllib.request import Request

import numpy as np

from core.addresses import redacted
from serving.timed_http import OPENER, AnswerTooLongError
from serving.transport import (
    DEADLINE_EXCEEDED,
    MOST_ANSWER_BYTES,
    UNAVAILABLE,
    Answer,
    AttemptError,
    Inputs,
    Outputs,
    Transport,
    VersionStatus,
)

# TF Serving maps gRPC's statuses to these HTTP codes.
STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}


class RestTransport(Transport):
    """Makes a new connection for each attempt; keeps none open."""

    def close(self) -> None:
        """Does nothing: no connection stays open."""

    def _predict(self, signature: str, inputs: Inputs, needed: Collection[str], seconds: float) -> Outputs:
        question = {
            "signature_name": signature,
            "inputs": {name: _sendable(values.tolist()) for name, values in inputs.items()},
        }
        body = json.dumps(question).encode("ascii")
        return self._fetch(":predict", body, seconds, lambda answer: _outputs(answer["outputs"], needed))

    def _status(self, seconds: float) -> list[VersionStatus]:
        return self._fetch("", None, seconds, _versions)

    def _fetch(self, verb: str, body: bytes | None, seconds: float, read: Callable[[Any], Answer]) -> Answer:
        """Returns `read` of the JSON answer; sends POST if there is a body, else GET."""
        version = "" if self.version is None else f"/versions/{self.version}"
        address = f"{self.server}/v1/models/{quote(self.model, safe='')}{version}{verb}"
        try:
            request = Request(address, body, {"Content-Type": "application/json"})
            with OPENER.open(request, timeout=seconds) as response:
                text = _read(response)
            return read(json.loads(text))
        except urllib.error.HTTPError as error:
            status = STATUSES.get(error.code, f"HTTP {error.code}")
            raise AttemptError(status, _refusal(error), passing=error.code == 503) from error
        except (OSError, http.client.HTTPException) as error:
            raise _failure(error) from error
        except (ValueError, LookupError, TypeError, RecursionError, MemoryError) as error:
            raise AttemptError(
                "UNKNOWN", "what answers there does not speak TF Serving's REST", passing=False
            ) from error


def _outputs(outputs: Any, needed: Collection[str]) -> Outputs:
    """Returns the `needed` outputs as arrays of objects."""
    if not isinstance(outputs, dict):
        raise TypeError("outputs have names")
    return {name: np.array(outputs[name], object) for name in needed if name in outputs}


def _versions(answer: Any) -> list[VersionStatus]:
    return [
        VersionStatus(int(one["version"]), str(one["state"]), str(one["status"]["error_message"]))
        for one in answer["model_version_status"]
    ]


def _failure(error: Exception) -> AttemptError:
    """Returns the error for a missing or incomplete answer."""
    if isinstance(error, AnswerTooLongError):
        return AttemptError("RESOURCE_EXHAUSTED", str(error), passing=False)
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return AttemptError(DEADLINE_EXCEEDED, "no answer in time", passing=False)
    return AttemptError(UNAVAILABLE, str(reason), passing=isinstance(reason, ConnectionRefusedError))


def _refusal(error: urllib.error.HTTPError) -> str:
    """Returns TF Serving's error message, or the HTTP reason if the answer has none."""
    if 300 <= error.code < 400:
        error.close()
        place = redacted(str(error.headers.get("Location")))
        return f"it sends elsewhere, to {place}: that is not followed, name what answers"
    try:
        with error:
            return str(json.loads(_read(error))["error"])
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, RecursionError, MemoryError):
        return str(error.reason)


def _read(response: Any) -> str:
    """Returns the whole body; raises IncompleteRead if part of it is missing."""
    body = response.read(MOST_ANSWER_BYTES)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body.decode("utf-8", "surrogateescape")


def _sendable(values: Any) -> Any:
    """Returns nested lists with strings that are not UTF-8 as base64 objects, as TF Serving reads them."""
    if isinstance(values, list):
        return [_sendable(value) for value in values]
    if isinstance(values, str):
        try:
            values.encode("utf-8")
        except UnicodeEncodeError:
            raw = values.encode("utf-8", "surrogateescape")
            return {"b64": base64.b64encode(raw).decode("ascii")}
    return values
