"""The client beside the model's own answers in this process, and against servers that fail."""

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from core.errors import ConfigurationError, ServingError
from serving.client import Answer, connect
from tests.serving.refusing_servers import http_server, planned_server, silent_server
from tests.serving.servers import ROOT, Server, free_ports
from tests.serving.small_models import BOOK_NAMES, BOOKS, HISTORIES, USER_NAMES, WIDTH

STRANGER = "nobody"
NO_UTF8 = BOOK_NAMES[-1]

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


def raw(names: list[Any]) -> Any:
    return [raw(name) if isinstance(name, list) else name.encode("utf-8", "surrogateescape") for name in names]


def check(answers: list[Answer], outputs: Mapping[str, tf.Tensor], known: str = "known_user") -> None:
    """Fails unless `answers` are what a signature returned, without the padding."""
    assert [answer.known for answer in answers] == outputs[known].numpy().tolist()
    for answer, isbns, scores in zip(answers, outputs["isbn"].numpy(), outputs["score"].numpy(), strict=True):
        wanted = [isbn.decode("utf-8", "surrogateescape") for isbn in isbns if isbn]
        assert [book.isbn for book in answer.books] == wanted
        assert [book.score for book in answer.books] == pytest.approx(scores[: len(wanted)].tolist(), abs=1e-6)


def test_recommend_top(server: Server, scheme: str, signatures: list[Any]) -> None:
    users = [*USER_NAMES, STRANGER, ""]
    with server.connect(scheme) as client:
        answers = client.recommend_top(users)
    assert [len(answer.books) for answer in answers] == [WIDTH] * len(users)
    check(answers, signatures[0]["serving_default"](user_id=tf.constant(users)))


def test_recommend_with_exclusions_of_different_length(server: Server, scheme: str, signatures: list[Any]) -> None:
    users, k = ["reader-1", STRANGER, "reader-2", "reader-3"], [3, 1, WIDTH + 10, BOOKS + 5]
    exclude = [["book 7", "unheard of"], BOOK_NAMES[2:150], [], [NO_UTF8]]
    with server.connect(scheme) as client:
        answers = client.recommend(users, k, exclude)
        alike, without = client.recommend(users, 5), client.recommend(users, [5] * 4, [[]] * 4)
    padded = [names + [""] * (148 - len(names)) for names in exclude]
    outputs = signatures[0]["recommend"](
        user_id=tf.constant(users), exclude=tf.constant(raw(padded)), k=tf.constant(k, tf.int32)
    )
    check(answers, outputs)
    read = HISTORIES.sizes()[3]
    assert len(answers[3].books) == BOOKS - read - (BOOKS - 1 not in HISTORIES.books[HISTORIES.row_splits[3] :][:read])
    assert alike == without
    assert [len(answer.books) for answer in alike] == [5] * 4


def test_recommend_for_histories_of_different_length(server: Server, scheme: str, signatures: list[Any]) -> None:
    histories = [["Émile", "日本", NO_UTF8], [], ["unheard of"], ["two\nlines", 'a, "b"']]
    with server.connect(scheme) as client:
        answers = client.recommend_for_history(histories)
        nothing = client.recommend_for_history([[]])
    padded = [names + [""] * (3 - len(names)) for names in histories]
    check(answers, signatures[0]["recommend_for_history"](isbn=tf.constant(raw(padded))))
    assert [answer.known for answer in answers] == [True, False, False, True]
    assert nothing == [answers[1]]


def test_similar_books(server: Server, scheme: str, signatures: list[Any]) -> None:
    books, k = ["日本", "unheard of", NO_UTF8], [4, 2, 9]
    with server.connect(scheme) as client:
        answers = client.similar_books(books, k)
    check(answers, signatures[0]["similar_books"](isbn=tf.constant(raw(books)), k=tf.constant(k)), "known_book")
    assert [len(answer.books) for answer in answers] == [4, 0, 9]


def test_embeddings(server: Server, scheme: str, signatures: list[Any]) -> None:
    users, books = ["reader-1", STRANGER, "reader-9"], ["Émile", "unheard of", NO_UTF8]
    with server.connect(scheme) as client:
        vectors, book_vectors = client.user_embedding(users), client.book_embedding(books)
    outputs = signatures[0]["user_embedding"](user_id=tf.constant(users))
    assert [vector.known for vector in vectors] == [True, False, True]
    for row, vector in enumerate(vectors):
        assert vector.embedding.dtype == np.float32
        np.testing.assert_allclose(vector.embedding, outputs["embedding"][row], atol=1e-6)
        near = [isbn.decode("utf-8", "surrogateescape") for isbn in outputs["near_isbn"].numpy()[row] if isbn]
        assert [book.isbn for book in vector.near] == near
        scores = outputs["near_score"].numpy()[row][: len(near)]
        assert [book.score for book in vector.near] == pytest.approx(scores.tolist(), abs=1e-6)
    assert vectors[0].near
    assert not vectors[1].near
    outputs = signatures[0]["book_embedding"](isbn=tf.constant(raw(books)))
    assert [vector.known for vector in book_vectors] == [True, False, True]
    np.testing.assert_allclose([vector.embedding for vector in book_vectors], outputs["embedding"], atol=1e-6)


def test_both_protocols_give_the_same_floats(server: Server) -> None:
    with server.connect("grpc") as over_grpc, server.connect("http") as over_rest:
        assert over_grpc.recommend(USER_NAMES, BOOKS) == over_rest.recommend(USER_NAMES, BOOKS)


def test_status_and_a_version_of_ones_choice(server: Server, scheme: str) -> None:
    with server.connect(scheme) as client, server.connect(scheme, version=1) as first:
        assert [(one.version, one.state, one.error) for one in client.status()] == [(1, "AVAILABLE", "")]
        assert first.recommend_top(["reader-1"]) == client.recommend_top(["reader-1"])
        assert first.status() == client.status()
    with server.connect(scheme, version=7) as missing:
        for ask in (missing.status, lambda: missing.recommend_top(["reader-1"])):
            with pytest.raises(ServingError, match="version 7") as caught:
                ask()
            assert caught.value.status == "NOT_FOUND"


@pytest.mark.parametrize("k", [0, -1, 10**9, 10**12, [3, 0]])
def test_a_k_that_is_no_number_of_books_is_told(server: Server, scheme: str, k: Any) -> None:
    with server.connect(scheme) as client:
        for ask in (lambda: client.recommend(["reader-1", "reader-2"], k), lambda: client.similar_books(["a", "b"], k)):
            with pytest.raises(ServingError, match="k must be from 1 to 1000000") as caught:
                ask()
            assert caught.value.status == "INVALID_ARGUMENT"
            for told in (server.address(scheme), "model readalike", "2 rows", "docs/signatures.md"):
                assert told in str(caught.value)
            assert "reader-1" not in str(caught.value)
        assert len(client.recommend(["reader-1"], 3)[0].books) == 3


def test_inputs_of_different_length_are_told(server: Server, scheme: str) -> None:
    with server.connect(scheme) as client:
        with pytest.raises(ServingError, match="exclude must have one row for each"):
            client.recommend(["a", "b"], 3, [["x"]])
        with pytest.raises(ServingError, match="k must have one row for each"):
            client.recommend(["a", "b"], [3])


def test_another_models_name_is_told(server: Server, scheme: str) -> None:
    with connect(server.address(scheme), "Émile/2") as client, pytest.raises(ServingError, match="Émile/2") as caught:
        client.recommend_top(["reader-1"])
    assert caught.value.status == "NOT_FOUND"


def test_very_many_exclusions_and_a_very_long_name(server: Server, scheme: str, signatures: list[Any]) -> None:
    exclude = [*BOOK_NAMES[10:], *(f"other {number}" for number in range(100_000))]
    with server.connect(scheme) as client:
        [answer] = client.recommend(["x" * 2**20], 50, [exclude])
    assert sorted(book.isbn for book in answer.books) == sorted(BOOK_NAMES[:10])
    assert not answer.known


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_an_empty_batch_has_an_empty_answer(scheme: str) -> None:
    with connect(f"{scheme}://127.0.0.1:{free_ports()[0]}", timeout_seconds=0.1) as client:
        assert client.recommend([], 5) == client.recommend([], []) == client.recommend_top([]) == []
        assert client.recommend_for_history([]) == client.similar_books([], 5) == []
        assert client.user_embedding([]) == client.book_embedding([]) == []


def test_one_string_is_no_list_of_strings(server: Server, scheme: str) -> None:
    with server.connect(scheme) as client:
        for ask in (lambda: client.recommend_top("ab"), lambda: client.recommend(["a"], 1, ["ab"])):
            with pytest.raises(TypeError, match="not one string"):
                ask()


def test_a_server_that_is_down_is_named_within_the_deadline(scheme: str) -> None:
    address = f"{scheme}://127.0.0.1:{free_ports()[0]}"
    with connect(address, timeout_seconds=1.0) as client:
        for ask in (client.status, lambda: client.recommend_top(["reader-1"])):
            start = time.monotonic()
            with pytest.raises(ServingError, match="Start the server") as caught:
                ask()
            assert time.monotonic() - start < 20
            assert address in str(caught.value)
            assert caught.value.status == "UNAVAILABLE"


def test_a_server_that_says_nothing_is_given_up_at_the_deadline(scheme: str) -> None:
    with silent_server() as port, connect(f"{scheme}://127.0.0.1:{port}", timeout_seconds=0.5) as client:
        with pytest.raises(ServingError, match="timeout_seconds") as caught:
            client.recommend_top(["reader-1"])
        assert caught.value.status == "DEADLINE_EXCEEDED"


def test_an_answer_that_trickles_is_given_up_at_the_deadline() -> None:
    start = time.monotonic()
    with http_server(b" " * 600, seconds_a_byte=0.1) as port:
        with connect(f"http://127.0.0.1:{port}", timeout_seconds=0.5) as client, pytest.raises(ServingError) as caught:
            client.status()
        assert time.monotonic() - start < 30
        assert caught.value.status == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"error": 1}', b'{"model_version_status": [1]}', b"\xff"])
def test_what_is_no_model_server_is_told(body: bytes) -> None:
    with http_server(body) as port, connect(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ServingError, match="does not speak") as caught:
            client.status()
        assert caught.value.status == "UNKNOWN"


def test_a_model_without_some_output_is_told() -> None:
    """As one that was pushed before vectors had a sparse part."""
    body = b'{"outputs": {"embedding": [[1.0]], "known_user": [true]}}'
    with http_server(body) as port, connect(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ServingError, match="lacks near_isbn, near_score") as caught:
            client.user_embedding(["reader-1"])
        assert caught.value.status == "FAILED_PRECONDITION"


def test_unavailable_is_tried_again(scheme: str) -> None:
    with planned_server(scheme, ["UNAVAILABLE"] * 3) as plan, connect(plan.address, timeout_seconds=60) as client:
        assert client.status() == []
        assert plan.asked == 4


@pytest.mark.parametrize("status", ["INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "INTERNAL"])
def test_what_will_not_pass_is_not_tried_again(scheme: str, status: str) -> None:
    with planned_server(scheme, [status]) as plan, connect(plan.address, timeout_seconds=60) as client:
        with pytest.raises(ServingError, match="as planned") as caught:
            client.status()
        assert caught.value.status == status
        assert plan.asked == 1


@pytest.mark.parametrize(
    "address",
    ["", "localhost:8500", "grpc://localhost", "ftp://localhost:1", "http://:1", "grpc://a:b", "http://a:99999"],
)
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ConfigurationError, match="grpc://host:port"):
        connect(address)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e30])
def test_a_deadline_that_has_passed_or_never_comes_is_told(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_seconds"):
        connect("http://localhost:1", timeout_seconds=seconds)


def test_asking_over_rest_does_not_load_tensorflow(server: Server) -> None:
    program = f"""
import sys
from serving.client import connect
print(len(connect({server.address("http")!r}, timeout_seconds=60).recommend(["reader-1"], 3)[0].books))
sys.exit("tensorflow is loaded" if "tensorflow" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
