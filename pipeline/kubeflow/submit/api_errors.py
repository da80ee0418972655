"""Turns errors of a Kubeflow Pipelines server into readable errors for the user."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import urllib3
from kfp_server_api import ApiException

from core.errors import ConfigurationError, KubeflowError, ReadalikeError
from pipeline.kubeflow.submit.connection import TOKEN_VARIABLE, Connection

_REMEDIES: Final = {
    400: "Correct what it names.",
    401: f"The token is missing, wrong or expired: bring a valid one with --token-file or {TOKEN_VARIABLE}.",
    403: "Who the token belongs to may not do this: ask for the right, or name another --namespace.",
    404: "Check --host and --namespace; what was asked for may also have been deleted.",
    409: "Something of that name is there already: take another name.",
}
_TRANSIENT: Final = (429, 502, 503, 504)
_LONGEST: Final = 600


@contextmanager
def told_to_people(connection: Connection, asked: str) -> Iterator[None]:
    """Turns an exception of the generated client into a readable error.

    Args:
      connection: the server; the message names it.
      asked: the request, such as "upload the pipeline".

    Raises:
      ConfigurationError: the request, the token, the address or the certificate is wrong.
      KubeflowError: the server cannot be reached or failed.
    """
    where = f"{connection.host}, asked to {asked}"
    try:
        yield
    except ApiException as error:
        raise _refusal(connection, where, error) from error
    except UnicodeDecodeError as error:
        raise no_api(connection, where) from error
    except urllib3.exceptions.HTTPError as error:
        raise _broken(connection, where, error) from error


def no_api(connection: Connection, where: str) -> ReadalikeError:
    """Returns the error for a server that is not a Kubeflow Pipelines API."""
    return ConfigurationError(
        f"{where}: the answer is not JSON, so it is not Kubeflow Pipelines that answers, but perhaps a login page. "
        f"Name the API server's or the UI's address with --host"
        f"{'' if connection.token() else f', and bring a token with --token-file or {TOKEN_VARIABLE}'}."
    )


def _refusal(connection: Connection, where: str, error: ApiException) -> ReadalikeError:
    status = error.status or 0
    said = connection.without_token(_message(error.body))
    what = f"{where}: it answers {status}{f' ({said})' if said else f' {error.reason}'}."
    if 300 <= status < 400:
        location = connection.without_token(str((error.headers or {}).get("Location", "elsewhere")))
        return ConfigurationError(
            f"{where}: it sends to {location}, perhaps a login page. Bring a token with --token-file or "
            f"{TOKEN_VARIABLE}, and name the address where the API is with --host."
        )
    if status in _TRANSIENT:
        return KubeflowError(f"{what} It is busy or not up: try again later.", transient=True)
    if 400 <= status < 500:
        return ConfigurationError(f"{what} {_REMEDIES.get(status, _REMEDIES[400])}")
    return KubeflowError(f"{what} That is a failure of the server: its log says more.")


def _broken(connection: Connection, where: str, error: urllib3.exceptions.HTTPError) -> ReadalikeError:
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    said = connection.without_token(str(cause).splitlines()[0][:_LONGEST]) if str(cause) else type(cause).__name__
    if isinstance(cause, urllib3.exceptions.SSLError):
        remedy = "Name the file with its authority's certificates with --ca-cert, or correct --host."
        return ConfigurationError(f"{where}: no trusted connection ({said}). {remedy}")
    if isinstance(cause, urllib3.exceptions.LocationValueError):
        return ConfigurationError(f"{where}: the address cannot be used ({said}). Correct --host.")
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return KubeflowError(
            f"{where}: it cannot be reached ({said}). Check --host, and that the server is up or its port forwarded.",
            transient=True,
        )
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return KubeflowError(
            f"{where}: no answer in {connection.timeout:g} s. Try again, or allow more with --timeout.", transient=True
        )
    return KubeflowError(f"{where}: the connection broke ({said}). Try again.", transient=True)


def _message(body: str | bytes | None) -> str:
    """Returns the message in an error `body` of any of the server's formats, without a stack trace."""
    try:
        answer = json.loads(body or "")
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    texts = (answer.get(key) for key in ("message", "error", "error_message"))
    said = next((text for text in texts if isinstance(text, str) and text), "")
    return " ".join(said.split())[:_LONGEST].rstrip(".")
