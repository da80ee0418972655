"""What cannot be answered is refused with a clear status over both protocols, what is merely large is answered, and the
server goes on."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from tests.serving.servers import Server
from tests.serving.small_models import BOOK_NAMES, DIM, WIDTH
from tests.serving.wire_requests import QUESTIONS, USERS, over_grpc, over_rest
from transform.features import MOST_BOOKS_ASKED

LONG = "x" * 2**20

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


def refusals(server: Server, signature: str, inputs: dict[str, Any]) -> tuple[str, str, str]:
    """Returns gRPC's status, and what is said over gRPC and over REST, where the code must be that of a bad request."""
    with pytest.raises(grpc.RpcError) as refused:
        over_grpc(server, signature, inputs)
    with pytest.raises(urllib.error.HTTPError) as refused_too:
        over_rest(server, "readalike:predict", {"signature_name": signature, "inputs": inputs})
    assert refused_too.value.code == 400
    said, said_too = refused.value.details(), json.loads(refused_too.value.read())["error"]
    assert said
    assert said_too
    return refused.value.code().name, said, said_too


def assert_serves(server: Server) -> None:
    assert over_grpc(server, "serving_default", {"user_id": USERS})["isbn"].shape == (3, WIDTH)
    assert len(over_rest(server, "readalike:predict", {"instances": USERS})["predictions"]) == 3


def misshapen() -> Iterator[Any]:
    """Yields each input of each signature with values of another type, with a dimension more and with one less."""
    for signature, inputs in QUESTIONS.items():
        for name, values in inputs.items():
            other = np.zeros(np.shape(values), int).tolist() if name != "k" else ["1"] * len(values)
            for kind, wrong in (("dtype", other), ("deeper", [values]), ("flatter", values[0])):
                yield pytest.param(signature, {**inputs, name: wrong}, id=f"{signature}-{name}-{kind}")


@pytest.mark.parametrize(("signature", "inputs"), list(misshapen()))
def test_a_wrong_type_or_rank_is_refused_and_the_next_one_answered(
    server: Server, signature: str, inputs: dict[str, Any]
) -> None:
    assert refusals(server, signature, inputs)[0] == "INVALID_ARGUMENT"
    assert_serves(server)


@pytest.mark.parametrize("k", [0, -1, MOST_BOOKS_ASKED + 1, 10**9, 1.5])
@pytest.mark.parametrize("signature", ["recommend", "similar_books"])
def test_a_k_that_is_no_number_of_books_is_refused_with_what_it_may_be(
    server: Server, signature: str, k: float
) -> None:
    inputs = {**QUESTIONS[signature], "k": [*QUESTIONS[signature]["k"][:-1], k]}
    status, *said = refusals(server, signature, inputs)
    assert status == "INVALID_ARGUMENT"
    if isinstance(k, int):
        assert all(f"k must be from 1 to {MOST_BOOKS_ASKED}" in words for words in said)
    assert_serves(server)


def test_more_answers_than_a_request_may_have_are_refused(server: Server) -> None:
    inputs = {"user_id": ["a"] * 11, "exclude": [[""]] * 11, "k": [MOST_BOOKS_ASKED] * 11}
    status, *said = refusals(server, "recommend", inputs)
    assert status == "INVALID_ARGUMENT"
    assert all("must be at most 4000000" in words for words in said)
    assert_serves(server)


@pytest.mark.parametrize(
    ("signature", "inputs", "status"),
    [
        ("serving_default", {}, "INVALID_ARGUMENT"),
        ("serving_default", {"reader": ["a"]}, "INVALID_ARGUMENT"),
        ("recommend", {"user_id": ["a", "b"], "exclude": [["x"]], "k": [1, 1]}, "INVALID_ARGUMENT"),
        ("no_signature", {"user_id": ["a"]}, "FAILED_PRECONDITION"),
    ],
)
def test_what_fits_no_signature_is_refused_and_the_next_one_answered(
    server: Server, signature: str, inputs: dict[str, Any], status: str
) -> None:
    assert refusals(server, signature, inputs)[0] == status
    assert_serves(server)


def test_an_input_too_many_is_refused(server: Server) -> None:
    with pytest.raises(grpc.RpcError, match=r"Sent extra: \{k\}") as refused:
        over_grpc(server, "serving_default", {"user_id": ["a"], "k": [1]})
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(urllib.error.HTTPError) as refused_too:
        over_rest(server, "readalike:predict", {"instances": [{"user_id": "a", "k": 1}]})
    assert refused_too.value.code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"instances": []}',
        b'{"instances": ["a"], "inputs": ["a"]}',
        b'{"instances": ["a", ["b"]]}',
        b'{"instances": [{"user_id": "a"}, {"reader": "b"}]}',
        b'{"inputs": ["a", null]}',
        b'{"inputs": {"b64": "%"}}',
        b'{"signature_name": 1, "inputs": ["a"]}',
        b'{"signature_name": "similar_books", "inputs": ["a"]}',
        b'{"signature_name": "similar_books", "inputs": {"isbn": ["a"], "k": [99999999999]}}',
    ],
)
def test_bad_json_is_refused_and_the_next_one_answered(server: Server, body: bytes) -> None:
    address = f"{server.address('http')}/v1/models/readalike:predict"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, body, timeout=60)
    assert refused.value.code == 400
    assert json.loads(refused.value.read())["error"]
    assert len(over_rest(server, "readalike:predict", {"instances": USERS})["predictions"]) == 3


def test_what_is_not_there_is_not_found(server: Server) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        over_grpc(server, "serving_default", {"user_id": ["a"]}, model="other")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    for path, question in (("other", None), ("readalike/versions/9", None), ("other:predict", {"instances": ["a"]})):
        with pytest.raises(urllib.error.HTTPError) as refused_too:
            over_rest(server, path, question)
        assert refused_too.value.code == 404


def empty(signature: str) -> dict[str, np.ndarray]:
    """The inputs of a batch without a row."""
    return {
        name: np.array(values, object)[:0] if name != "k" else np.zeros(0, np.int32)
        for name, values in QUESTIONS[signature].items()
    }


@pytest.mark.parametrize("signature", QUESTIONS)
def test_an_empty_batch_is_answered_over_grpc(server: Server, signature: str) -> None:
    widths = {"recommend": 0, "similar_books": 0, "user_embedding": DIM, "book_embedding": DIM}
    answer = over_grpc(server, signature, empty(signature))
    main = answer["embedding" if "embedding" in signature else "isbn"]
    assert main.shape == (0, widths.get(signature, WIDTH))
    assert {len(values) for values in answer.values()} == {0}


@pytest.mark.parametrize("signature", QUESTIONS)
def test_an_empty_batch_is_answered_over_rest_or_refused_where_json_cannot_say_it(
    server: Server, signature: str
) -> None:
    """`[]` has one dimension: there is no empty table in JSON."""
    question = {"signature_name": signature, "inputs": {name: [] for name in QUESTIONS[signature]}}
    if signature in ("recommend", "recommend_for_history"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            over_rest(server, "readalike:predict", question)
        assert refused.value.code == 400
        assert json.loads(refused.value.read())["error"]
    else:
        answer = over_rest(server, "readalike:predict", question)["outputs"]
        assert all(values == [] for values in answer.values())
    assert_serves(server)


def test_a_hundred_thousand_exclusions_are_kept_to(server: Server) -> None:
    exclude = [[*BOOK_NAMES[10:-1], *(f"other {number}" for number in range(100_000))]]
    inputs = {"user_id": ["nobody"], "exclude": exclude, "k": [20]}
    [isbn] = over_grpc(server, "recommend", inputs)["isbn"]
    books = {book.decode("utf-8", "surrogateescape") for book in isbn if book}
    assert books == {*BOOK_NAMES[:10], BOOK_NAMES[-1]}
    question = {"signature_name": "recommend", "inputs": inputs}
    [isbn] = over_rest(server, "readalike:predict", question)["outputs"]["isbn"]
    assert {book for book in isbn if book} == books
    assert_serves(server)


@pytest.mark.parametrize(
    ("signature", "inputs", "unknown"),
    [
        ("serving_default", {"user_id": [LONG]}, "known_user"),
        ("recommend", {"user_id": [LONG], "exclude": [[LONG]], "k": [3]}, "known_user"),
        ("recommend_for_history", {"isbn": [[LONG]]}, "known_user"),
        ("similar_books", {"isbn": [LONG], "k": [3]}, "known_book"),
        ("user_embedding", {"user_id": [LONG]}, "known_user"),
        ("book_embedding", {"isbn": [LONG]}, "known_book"),
    ],
    ids=QUESTIONS,
)
def test_a_name_of_a_megabyte_is_unknown(server: Server, signature: str, inputs: dict[str, Any], unknown: str) -> None:
    assert over_grpc(server, signature, inputs)[unknown].tolist() == [False]
    question = {"signature_name": signature, "inputs": inputs}
    assert over_rest(server, "readalike:predict", question)["outputs"][unknown] == [False]
    assert_serves(server)
