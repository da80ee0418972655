"""The client beside servers that answer anything: it ends in time, with ServingError and nothing else."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from core.errors import ConfigurationError, ServingError
from serving.answers import Answer
from serving.client import connect
from tests.serving.bad_servers import (
    ESCAPE,
    GOOD,
    LATE,
    OK,
    WRONG,
    Case,
    Talk,
    answer,
    bad_server,
    listening,
    said,
    tensors_server,
)

pytestmark = pytest.mark.integration

READER = "pseudonym"
SECONDS = 0.7
SLACK_SECONDS = 5.0


def ask(address: str, timeout_seconds: float = 20.0) -> list[Answer]:
    with connect(address, timeout_seconds=timeout_seconds) as client:
        return client.recommend([READER], 2)


def refused(address: str, timeout_seconds: float = 20.0) -> str:
    """What is told of the refusal."""
    with pytest.raises(ServingError) as caught:
        ask(address, timeout_seconds)
    message = str(caught.value)
    assert message.isprintable()
    assert READER not in message
    assert address in message
    return message


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in WRONG.items()])
def test_what_is_no_answer_is_refused(case: Case) -> None:
    with bad_server(case.talk) as address:
        assert case.told in refused(address)


def test_the_deadline_covers_everything_that_a_server_can_draw_out() -> None:
    def seconds(talk: Talk) -> float:
        with bad_server(talk) as address:
            start = time.monotonic()
            assert "DEADLINE_EXCEEDED" in refused(address, SECONDS)
            return time.monotonic() - start

    with ThreadPoolExecutor(len(LATE)) as threads:
        taken = dict(zip(LATE, threads.map(seconds, LATE.values()), strict=True))
    assert all(SECONDS / 2 < each < SECONDS + SLACK_SECONDS for each in taken.values()), taken


def test_a_refusal_that_drips_is_told_at_the_deadline() -> None:
    start = time.monotonic()
    with bad_server(lambda connection: LATE["a body that drips"](Reworded(connection))) as address:
        assert "INVALID_ARGUMENT (Bad)" in refused(address, SECONDS)
    assert time.monotonic() - start < SECONDS + SLACK_SECONDS


class Reworded:
    """A connection on which `200 OK` becomes a refusal."""

    def __init__(self, connection: Any):
        self._connection = connection

    def sendall(self, content: bytes) -> None:
        self._connection.sendall(content.replace(b"200 OK", b"400 Bad"))


@pytest.mark.parametrize("code", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_no_redirect_is_followed(code: str) -> None:
    asked: list[bytes] = []
    with bad_server(lambda connection: asked.append(b"asked")) as other:
        there = f"Location: {other.replace('//', '//me:secret@')}/v1\r\n"
        with bad_server(said(answer("", code, there))) as address:
            told = refused(address)
    assert f"HTTP {code[:3]} (it sends elsewhere, to {other.replace('//', '//***@')}/v1" in told
    assert not asked


@pytest.mark.parametrize(
    "body",
    [
        {"outputs": GOOD},
        {"outputs": GOOD | {"score": [[1, 0.5]], "more": float("nan")}},
        {"outputs": GOOD | {"isbn": [["a", "b", ""]], "score": [[1.0, 0.5, float("-inf")]]}},
    ],
)
def test_a_good_answer_is_taken(body: dict[str, Any]) -> None:
    with bad_server(said(answer(json.dumps(body)))) as address:
        assert ask(address) == [Answer([("a", 1.0), ("b", 0.5)], True)]


def test_a_good_answer_in_chunks_is_taken_and_so_is_one_without_a_length() -> None:
    body = json.dumps({"outputs": GOOD}).encode()
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    for content in (chunked + b"0\r\n\r\n", OK + b"\r\n" + body, b"HTTP/1.1 100 Continue\r\n\r\n" + answer(body)):
        with bad_server(said(content)) as address:
            assert ask(address) == [Answer([("a", 1.0), ("b", 0.5)], True)]


@pytest.mark.parametrize(
    ("readers", "k", "parts"),
    [(200, 1, [64, 64, 64, 8]), (9, 60_000, [4, 4, 1]), (3, 10**6, [1, 1, 1]), (70, 10**9, [64, 6])],
)
def test_more_than_a_server_takes_or_an_answer_holds_goes_in_parts(readers: int, k: int, parts: list[int]) -> None:
    sizes: list[int] = []

    def respond(request: Any, context: Any) -> Any:
        names = tf.make_ndarray(request.inputs["user_id"])
        sizes.append(len(names))
        books = {"isbn": tensor(names.reshape(-1, 1)), "score": tensor(np.ones((len(names), 1), np.float32))}
        return response(books | {"known_user": tensor(np.ones(len(names), bool))})

    users = [f"reader {number}" for number in range(readers)]
    with tensors_server(respond) as address, connect(address) as client:
        assert [answer.books[0].isbn for answer in client.recommend(users, k, [[user] for user in users])] == users
        assert sizes == parts


def test_a_password_in_the_servers_address_is_not_told() -> None:
    for scheme in ("http", "grpc", "ftp"):
        with pytest.raises(ConfigurationError, match="Write grpc://host:port") as caught:
            connect(f"{scheme}://me:s3cret@127.0.0.1:1")
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"[]", b'{"model_version_status": [{"version": "x"}]}', b"[" * 200_000, b"\xff"])
def test_a_status_that_is_none_is_refused(body: bytes) -> None:
    with bad_server(said(answer(body))) as address, connect(address) as client, pytest.raises(ServingError):
        client.status()


def test_statuses_of_odd_types_are_texts() -> None:
    one = {"version": 3, "state": None, "status": {"error_message": ["x"]}}
    body = json.dumps({"model_version_status": [one, one | {"state": "END"}]})
    with bad_server(said(answer(body))) as address, connect(address) as client:
        assert {each.version for each in client.status()} == {3}


def tensor(values: Any, kind: Any = None, sizes: list[int] | None = None, number: int | None = None) -> Any:
    made = tf.make_tensor_proto(values, kind)
    for dimension, size in zip(made.tensor_shape.dim, sizes or [], strict=False):
        dimension.size = size
    if number is not None:
        made.dtype = number
    return made


def unknown_rank() -> Any:
    made = tensor([[b"a", b"b"]])
    made.tensor_shape.unknown_rank = True
    return made


def scores(*values: float) -> Any:
    return tensor(np.array([values], np.float32))


TENSORS = {
    "rank 1": ({"isbn": tensor([b"a"])}, "isbn has the shape [1] instead of [1, n]"),
    "rank 0": ({"isbn": tensor(b"a")}, "isbn has the shape []"),
    "text for a score": ({"score": tensor([[b"x", b"y"]])}, "score holds something else"),
    "numbers for books": ({"isbn": scores(1.5, 2.5)}, "isbn holds something else"),
    "a flag of text": ({"known_user": tensor([b"true"])}, "known_user holds something else"),
    "a row more": ({"known_user": tensor([True, False])}, "known_user has the shape [2]"),
    "no row": ({"isbn": tensor(np.zeros((0, 1), object), tf.string)}, "isbn has the shape [0, 1]"),
    "a column more": ({"isbn": tensor([[b"a", b"b", b"c"]])}, "but its scores have [1, 2]"),
    "a shape that lies": ({"isbn": tensor([[b"a", b"b"]], sizes=[5])}, "isbn"),
    "10^12 rows": ({"score": tensor(np.array([[1.0, 1.0]], np.float32), sizes=[10**12])}, "score has the impossible"),
    "2^62 by 2^62": (
        {"score": tensor(np.array([[1.0]], np.float32), sizes=[2**62, 2**62])},
        "score has the impossible",
    ),
    "-1 rows": ({"isbn": tensor([[b"a", b"b"]], sizes=[-1])}, "isbn has the impossible"),
    "an unknown rank": ({"isbn": unknown_rank()}, "isbn has the impossible"),
    "a type that there is none of": ({"isbn": tensor([[b"a", b"b"]], number=99)}, "isbn is neither"),
    "a resource": ({"isbn": tensor([[b"a", b"b"]], number=20)}, "isbn is neither"),
    "a variant": ({"isbn": tensor([[b"a", b"b"]], number=21)}, "isbn is neither"),
    "float64": ({"score": tensor([[1.0, 2.0]], tf.float64)}, "score is neither"),
    "bytes that are no floats": ({"score": tensor([[b"a", b"b"]], number=1)}, "score is empty"),
    "NaN": ({"score": scores(1.0, float("nan"))}, "not finite"),
    "very much": ({"isbn": tensor([[b"a" * (70 << 20), b"b"]])}, "RESOURCE_EXHAUSTED"),
}
GOOD_TENSORS = {"isbn": tensor([[b"a", b"b"]]), "score": scores(1.0, 0.5), "known_user": tensor([True])}


def response(tensors: dict[str, Any]) -> Any:
    made = predict_pb2.PredictResponse()
    for name, value in tensors.items():
        made.outputs[name].CopyFrom(value)
    return made


def test_tensors_that_are_no_answer_are_refused() -> None:
    now: list[Any] = [response(GOOD_TENSORS)]
    with tensors_server(lambda request, context: now[0]) as address:
        assert ask(address) == [Answer([("a", 1.0), ("b", 0.5)], True)]
        for name, (odd, told) in TENSORS.items():
            now[0] = response(GOOD_TENSORS | odd)
            assert told in refused(address), name


def crash(request: Any, context: Any) -> Any:
    raise RuntimeError("server's own")


FAILURES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "an escape": (lambda request, context: context.abort(grpc.StatusCode.INTERNAL, ESCAPE), r"INTERNAL (\x1b]0;title"),
    "no words": (lambda request, context: context.abort(grpc.StatusCode.INTERNAL, ""), "INTERNAL ()"),
    "a crash": (crash, "UNKNOWN"),
    "sleep": (lambda request, context: time.sleep(3), "DEADLINE_EXCEEDED"),
}


@pytest.mark.parametrize(("respond", "told"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_over_grpc_is_told(respond: Callable[[Any, Any], Any], told: str) -> None:
    with tensors_server(respond) as address:
        assert told in refused(address, SECONDS if respond is FAILURES["sleep"][0] else 20.0)


@pytest.mark.parametrize(
    "talk", [lambda connection: connection.close(), said(b"\0" * 100_000), said(OK + b"\r\nhello")]
)
def test_what_is_no_grpc_is_told_at_the_deadline(talk: Talk) -> None:
    with listening(talk) as port:
        start = time.monotonic()
        refused(f"grpc://127.0.0.1:{port}", SECONDS)
        assert time.monotonic() - start < SECONDS + SLACK_SECONDS
