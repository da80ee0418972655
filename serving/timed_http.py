"""HTTP with limits on the time and size of a whole exchange, and without redirects.

The timeout of Python's own sockets restarts with each byte. A server that sends a byte now and then would hold a caller
forever: in the body, the headers or the chunk lengths.
"""

import http.client
import io
import socket
import time
from functools import partial
from typing import Any, Final
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from serving.transport import MOST_ANSWER_BYTES

SENT_BYTES: Final = 1 << 14
NO_LIMIT_SECONDS: Final = 3600.0


class AnswerTooLongError(http.client.HTTPException):
    """The answer exceeds the size limit."""


class _TimedReader(io.RawIOBase):
    """Reads a socket until the deadline, up to the size limit of an answer."""

    def __init__(self, connected: socket.socket, deadline: float):
        self._socket, self._deadline, self._bytes = connected, deadline, 0
        self._file = connected.makefile("rb", buffering=0)  # Keeps the socket open, which urllib closes early.

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._deadline))
        count = self._file.readinto(buffer)
        self._bytes += count or 0
        if self._bytes > MOST_ANSWER_BYTES:
            raise AnswerTooLongError(f"the answer has more than {MOST_ANSWER_BYTES >> 20} MiB")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response read until the deadline, with all that precedes it: a proxy's answer, and each `100 Continue`."""

    def __init__(self, connected: socket.socket, *arguments: Any, deadline: float, **named: Any):
        super().__init__(connected, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(connected, deadline))


class _Timed(http.client.HTTPConnection):
    """A connection whose timeout covers the whole exchange."""

    def __init__(self, host: str, /, *, timeout: float = NO_LIMIT_SECONDS, **named: Any):
        super().__init__(host, timeout=timeout, **named)
        self._deadline = time.monotonic() + timeout
        self.response_class = partial(_TimedResponse, deadline=self._deadline)  # type: ignore[assignment]

    def connect(self) -> None:
        # Python tries each address in turn, with the whole timeout for each.
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        self.timeout = _left(self._deadline) / max(1, len(addresses))
        super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), SENT_BYTES):
            self.sock.settimeout(_left(self._deadline))
            super().send(data[start : start + SENT_BYTES])


class _TimedTls(_Timed, http.client.HTTPSConnection):
    """The same with TLS."""


class _Handler(HTTPHandler):
    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_Timed, req)


class _TlsHandler(HTTPSHandler):
    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_TimedTls, req)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Returns None, so that the redirect raises an error: a request holds readers' pseudonyms."""


OPENER: Final = build_opener(_Handler, _TlsHandler, _NoRedirect)
"""Opens `http` and `https` addresses, as `urllib.request.urlopen` does, with a `timeout`."""


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
