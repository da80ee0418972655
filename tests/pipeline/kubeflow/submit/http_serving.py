"""HTTP of this machine for a server of the tests, and how it can go wrong."""

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from tests.pipeline.kubeflow.submit.contract import ContractError


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass
class Fault:
    """How the server goes wrong, instead of answering what it is asked."""

    method: str
    path: str
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    times: int | None = None

    def strikes(self, request: Request) -> bool:
        if self.times == 0 or request.method != self.method or not re.fullmatch(self.path, request.path):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class RefusalError(Exception):
    """What the server answers instead."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class Answering(Protocol):
    """What is served: it answers requests, and knows what it was asked and how it is to fail."""

    address: str
    requests: list[Request]
    faults: list[Fault]

    def answer(self, request: Request) -> tuple[int, bytes, str]: ...


Server = TypeVar("Server", bound=Answering)


@contextmanager
def serving(server: Server, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serves on a free port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Request(self.command, address.path, query, headers, body)
            server.requests.append(request)
            fault = next((fault for fault in server.faults if fault.strikes(request)), None)
            if fault is not None:
                time.sleep(fault.seconds)
                self._write(fault.status, fault.body, fault.content_type, fault.headers)
                return
            try:
                status, answer, content_type = server.answer(request)
            except ContractError as error:
                status, answer, content_type = 400, _refused(400, str(error)), "application/json"
            except RefusalError as refusal:
                status, answer, content_type = (
                    refusal.status,
                    _refused(refusal.status, refusal.message),
                    "application/json",
                )
            self._write(status, answer, content_type, {})

        def _write(self, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> None:
            try:
                self.send_response(status)
                for name, value in {"Content-Type": content_type, "Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    server.address = f"{'https' if tls else 'http'}://localhost:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _refused(status: int, message: str) -> bytes:
    """Returns an error as the API's gateway writes it, with the stack trace that it sends along."""
    codes = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6}
    details = [{"@type": "type.googleapis.com/api.Error", "error_details": f"{message}\ngoroutine 17 [running]"}]
    answer = {"error": message, "message": message, "code": codes.get(status, 13), "details": details}
    return json.dumps(answer).encode()
