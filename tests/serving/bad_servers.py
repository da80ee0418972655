"""Servers that answer what no TF Serving would: by raw bytes over REST, by odd tensors over gRPC."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

GOOD: Final = {"isbn": [["a", "b"]], "score": [[1.0, 0.5]], "known_user": [True]}
"""An answer to one reader who asks for two books."""

DRIP_SECONDS: Final = 0.1
ESCAPE: Final = "\x1b]0;title\x07"

Talk = Callable[[socket.socket], None]


class Case(NamedTuple):
    """What a server answers, and a part of what is told of it."""

    talk: Talk
    told: str


def answer(body: bytes | str, code: str = "200 OK", headers: str = "") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {code}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
    return head.encode("latin-1") + content


def said(content: bytes) -> Talk:
    return lambda connection: connection.sendall(content)


def outputs(**odd: Any) -> Talk:
    return said(answer(json.dumps({"outputs": GOOD | odd})))


def dripped(start: bytes, drop: bytes) -> Talk:
    """Says `start` at once and then `drop` again and again."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            time.sleep(DRIP_SECONDS)

    return talk


def flooded(start: bytes, piece: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return talk


OK: Final = b"HTTP/1.1 200 OK\r\n"
NO_REST: Final = "does not speak TF Serving's REST"

WRONG: Final[dict[str, Case]] = {
    "closes": Case(lambda connection: None, "UNAVAILABLE"),
    "no HTTP": Case(said(b"\x00\xff\x16\x03no\r\n\r\n"), r"\x00"),
    "HTTP 0.9": Case(said(b'{"outputs": {}}'), "UNAVAILABLE"),
    "nothing": Case(said(answer("")), NO_REST),
    "a page": Case(said(answer("<html>")), NO_REST),
    "half of it": Case(said(answer('{"outputs": {"isbn": [["a"')), NO_REST),
    "less than announced": Case(
        said(OK + b"Content-Length: 999\r\n\r\n" + json.dumps({"outputs": GOOD}).encode()), "more expected"
    ),
    "a negative length": Case(said(OK + b"Content-Length: -5\r\n\r\n{}"), NO_REST),
    "half a chunk": Case(said(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{}"), "UNAVAILABLE"),
    "a negative chunk": Case(said(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n"), "answers"),
    "no number of a chunk": Case(said(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), "UNAVAILABLE"),
    "nested deeply": Case(said(answer("[" * 200_000)), NO_REST),
    "nested deeply and closed": Case(said(answer('{"outputs":' + "[" * 99_999 + "]" * 99_999 + "}")), NO_REST),
    "null": Case(said(answer("null")), NO_REST),
    "a number": Case(said(answer("3")), NO_REST),
    "a list of outputs": Case(said(answer('{"outputs": [1, 2]}')), NO_REST),
    "pairs for outputs": Case(said(answer('{"outputs": ["ab"]}')), NO_REST),
    "null outputs": Case(said(answer('{"outputs": null}')), NO_REST),
    "no score": Case(said(answer('{"outputs": {"isbn": [["a"]], "known_user": [true]}}')), "lacks score"),
    "text for a score": Case(outputs(score=[["x", "y"]]), "score holds something else than numbers"),
    "null for a score": Case(outputs(score=[[1.0, None]]), "score holds"),
    "true for a score": Case(outputs(score=[[True, 1.0]]), "score holds"),
    "ragged scores": Case(outputs(score=[[1.0, 2.0], [3.0]]), "score has the shape [2]"),
    "fewer scores": Case(outputs(score=[[1.0]]), "isbn has the shape [1, 2], but"),
    "NaN": Case(outputs(score=[[1.0, float("nan")]]), "not finite"),
    "infinity": Case(outputs(score=[[float("inf"), 1.0]]), "not finite"),
    "minus infinity for a book": Case(outputs(score=[[1.0, float("-inf")]]), "not finite"),
    "a score beyond float32": Case(outputs(score=[[1e39, 1.0]]), "not finite"),
    "a whole number beyond floats": Case(outputs(score=[[10**400, 1]]), "beyond float32"),
    "five thousand digits": Case(said(answer('{"outputs": {"score": [[' + "9" * 5000 + "]]}}")), NO_REST),
    "null for books": Case(outputs(isbn=None), "isbn has the shape []"),
    "a dictionary for books": Case(outputs(isbn={"a": 1}), "isbn has the shape []"),
    "one row for books": Case(outputs(isbn=["ab"]), "isbn has the shape [1]"),
    "numbers for books": Case(outputs(isbn=[[5, 6]]), "isbn holds something else than texts"),
    "base64 for a book": Case(outputs(isbn=[["a", {"b64": "YQ=="}]]), "isbn holds"),
    "half a surrogate pair": Case(outputs(isbn=[["a", "\ud800"]]), "no Unicode"),
    "text for a flag": Case(outputs(known_user=["false"]), "known_user holds something else than booleans"),
    "a number for a flag": Case(outputs(known_user=[1]), "known_user holds"),
    "a row more": Case(outputs(isbn=[["a"], ["b"]], score=[[1], [2]], known_user=[True] * 2), "instead of [1, n]"),
    "a flag more": Case(outputs(known_user=[True, False]), "known_user has the shape [2] instead of [1]"),
    "no row": Case(outputs(isbn=[], score=[], known_user=[]), "instead of [1, n]"),
    "more books than asked for": Case(outputs(isbn=[list("abc")], score=[[3, 2, 1]]), "more than were asked for"),
    "a refusal with an escape": Case(said(answer(json.dumps({"error": ESCAPE}), "500 E")), r"INTERNAL (\x1b]0;title"),
    "a reason with an escape": Case(said(answer("<html>", f"418 {ESCAPE}")), r"HTTP 418 (\x1b]0;title\x07)"),
    "a refusal nested deeply": Case(said(answer("[" * 200_000, "400 Bad")), "INVALID_ARGUMENT (Bad)"),
    "a demand for a password": Case(said(answer("", "401 No", 'WWW-Authenticate: Basic realm="x"\r\n')), "HTTP 401"),
    "a code that there is none of": Case(said(answer("x", "999 X")), "HTTP 999"),
    "very many headers": Case(said(OK + b"X: y\r\n" * 5000 + b"\r\n"), "100 headers"),
    "a very long header": Case(said(OK + b"X: " + b"a" * 200_000 + b"\r\n\r\n"), "65536 bytes"),
    "no end": Case(flooded(OK + b"Content-Length: 100000000000\r\n\r\n", b" " * (1 << 20)), "more than 64 MiB"),
    "no end of one chunk": Case(flooded(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b" " * (1 << 20)), "64 MiB"),
}

LATE: Final[dict[str, Talk]] = {
    "silence": lambda connection: time.sleep(30),
    "a body that drips": dripped(OK + b"Content-Length: 1000\r\n\r\n", b" "),
    "a status line that drips": dripped(b"HTTP/1.1 200 ", b"O"),
    "a header that drips": dripped(OK + b"X: ", b"a"),
    "headers that drip": dripped(OK, b"X: a\r\n"),
    "a chunk's size that drips": dripped(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks that drip": dripped(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "100 Continue again and again": dripped(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
"""Those that are not done within a second."""


@contextmanager
def bad_server(talk: Talk) -> Iterator[str]:
    """Answers each request by `talk`. Gives its address."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            _read_request(connection)
            talk(connection)

    with listening(serve) as port:
        yield f"http://127.0.0.1:{port}"


def _read_request(connection: socket.socket) -> None:
    """Reads all of it: where a part is left, the kernel answers it by a reset, and drops what was said."""
    with connection.makefile("rb") as request:
        length = 0
        while (line := request.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request.read(length)


@contextmanager
def listening(serve: Talk) -> Iterator[int]:
    """Has `serve` talk to whoever connects, each in a thread. Gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talked(connection: socket.socket) -> None:
            with connection:
                serve(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=talked, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def tensors_server(respond: Callable[[Any, Any], Any]) -> Iterator[str]:
    """Answers each prediction over gRPC with what `respond` makes of it and its context."""
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (gRPC's name)
            return respond(request, context)

    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_send_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
