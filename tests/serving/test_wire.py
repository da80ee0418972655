"""What a server does whoever asks: both forms of REST, joined requests, and a version that is damaged."""

import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.client import Answer, Client
from tests.serving.late_servers import LateServer
from tests.serving.servers import PATIENCE_SECONDS, SCHEMES, Server, wait_until
from tests.serving.small_models import BOOK_NAMES, BOOKS, DIM, USER_NAMES, WIDTH
from tests.serving.wire_requests import QUESTIONS, USERS, over_grpc, over_rest

ASKING = 8

# Higher than what any push gets: a server never tries a number again that it could not load.
DAMAGED = 10**12

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


def check(outputs: Mapping[str, Any], wanted: Mapping[str, tf.Tensor]) -> None:
    assert outputs.keys() == wanted.keys()
    for name, tensor in wanted.items():
        values = tensor.numpy()
        if values.dtype == object:
            texts = np.array([text.decode("utf-8", "surrogateescape") for text in values.flat]).reshape(values.shape)
            assert np.array(outputs[name]).tolist() == texts.tolist(), name
        else:
            np.testing.assert_allclose(np.array(outputs[name]), values, atol=1e-6, err_msg=name)


def same(answers: list[Answer], outputs: Mapping[str, tf.Tensor]) -> bool:
    """Returns whether all of `answers` are those of one model."""
    return all(
        [book.isbn for book in answer.books] == [isbn.decode("utf-8", "surrogateescape") for isbn in isbns if isbn]
        and np.allclose([book.score for book in answer.books], scores[isbns != b""], atol=1e-6)
        for answer, isbns, scores in zip(answers, outputs["isbn"].numpy(), outputs["score"].numpy(), strict=True)
    )


@pytest.mark.parametrize("signature", QUESTIONS)
def test_rows_and_columns_of_rest_are_the_models_answer(server: Server, signatures: Any, signature: str) -> None:
    inputs = QUESTIONS[signature]
    wanted = signatures[0][signature](**{name: tf.constant(values) for name, values in inputs.items()})
    columns = over_rest(server, "readalike:predict", {"signature_name": signature, "inputs": inputs})
    check(columns["outputs"], wanted)
    instances = [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]
    rows = over_rest(server, "readalike/versions/1:predict", {"signature_name": signature, "instances": instances})
    check({name: [row[name] for row in rows["predictions"]] for name in wanted}, wanted)


def test_a_single_input_needs_no_name_and_the_default_signature_none(server: Server) -> None:
    named = over_rest(server, "readalike:predict", {"inputs": {"user_id": USERS}})
    assert over_rest(server, "readalike:predict", {"inputs": USERS}) == named
    rows = over_rest(server, "readalike:predict", {"instances": USERS})["predictions"]
    assert [row["isbn"] for row in rows] == named["outputs"]["isbn"]


def test_the_metadata_name_every_signature_and_its_inputs(server: Server) -> None:
    metadata = over_rest(server, "readalike/metadata")
    assert metadata["model_spec"]["version"] == "1"
    told = metadata["metadata"]["signature_def"]["signature_def"]
    assert {name: set(told[name]["inputs"]) for name in QUESTIONS} == {
        name: set(inputs) for name, inputs in QUESTIONS.items()
    }
    assert told["recommend"]["inputs"]["k"]["dtype"] == "DT_INT32"
    assert len(told["recommend"]["inputs"]["exclude"]["tensor_shape"]["dim"]) == 2


def test_empty_batches_are_answered_where_requests_are_joined(late_server: LateServer) -> None:
    nobody, none = np.zeros(0, object), np.zeros(0, np.int32)
    one = late_server.server
    assert over_grpc(one, "serving_default", {"user_id": nobody})["isbn"].shape == (0, WIDTH)
    inputs = {"user_id": nobody, "exclude": np.zeros((0, 3), object), "k": none}
    assert over_grpc(one, "recommend", inputs)["isbn"].shape == (0, 0)
    assert over_grpc(one, "book_embedding", {"isbn": nobody})["embedding"].shape == (0, DIM)
    assert over_rest(one, "readalike:predict", {"inputs": {"user_id": []}})["outputs"]["isbn"] == []


def ask_for_three(client: Client, place: int, k: int) -> list[Answer]:
    """Asks for three readers, and excludes other books for each: the fewer, the more are asked for."""
    starts = [20 * place + 5 * row for row in range(3)]
    exclude = [BOOK_NAMES[start : start + ASKING - place] for start in starts]
    return client.recommend(USER_NAMES[3 * place : 3 * place + 3], k, exclude)


def ask_at_once(clients: list[Client], k: list[int]) -> list[list[Answer]]:
    """Returns what each client is answered when all ask at the same moment."""
    together = threading.Barrier(len(clients))

    def ask(place: int) -> list[Answer]:
        together.wait()
        return ask_for_three(clients[place], place, k[place])

    with ThreadPoolExecutor(len(clients)) as threads:
        return list(threads.map(ask, range(len(clients))))


def test_who_asks_at_once_gets_an_answer_of_ones_own(late_server: LateServer) -> None:
    k = [1, 30, 2, 5, 9, 3, 20, BOOKS]
    clients = [late_server.server.connect(SCHEMES[place % 2]) for place in range(ASKING)]
    wanted = [ask_for_three(client, place, k[place]) for place, client in enumerate(clients)]
    for _ in range(5):
        for answers, others in zip(ask_at_once(clients, k), wanted, strict=True):
            for answer, other in zip(answers, others, strict=True):
                assert [book.isbn for book in answer.books] == [book.isbn for book in other.books]
                assert [book.score for book in answer.books] == pytest.approx(
                    [book.score for book in other.books], abs=1e-5
                )
    for client in clients:
        client.close()


def test_requests_that_come_at_once_are_joined(late_server: LateServer) -> None:
    """The answer to who asks for one book is as wide as that to who asks for more at the same moment."""
    together = threading.Barrier(ASKING)

    def width(k: int) -> int:
        together.wait()
        inputs = {"user_id": ["reader-1"], "exclude": [[""]], "k": [k]}
        return over_grpc(late_server.server, "recommend", inputs)["isbn"].shape[1]

    with ThreadPoolExecutor(ASKING) as threads:
        for _ in range(50):
            widths = list(threads.map(width, range(1, ASKING + 1)))
            assert all(got >= asked for got, asked in zip(widths, range(1, ASKING + 1), strict=True))
            if widths != list(range(1, ASKING + 1)):
                return
    pytest.fail("no two requests were ever joined")


def test_requests_that_were_joined_with_a_bad_one_are_refused_or_answered(late_server: LateServer) -> None:
    """Never is one left without either, and the server goes on."""
    together = threading.Barrier(ASKING)

    def status(k: int) -> str:
        together.wait()
        try:
            over_grpc(late_server.server, "recommend", {"user_id": ["reader-1"], "exclude": [[""]], "k": [k]})
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    with ThreadPoolExecutor(ASKING) as threads:
        first, *others = threads.map(status, range(ASKING))
    assert first == "INVALID_ARGUMENT"
    assert set(others) <= {"OK", "INVALID_ARGUMENT"}
    assert over_grpc(late_server.server, "serving_default", {"user_id": USERS})["isbn"].shape == (3, WIDTH)


def test_who_asked_before_the_server_was_there_is_answered(late_server: LateServer, signatures: list[Any]) -> None:
    for answers in late_server.asked_before.values():
        assert same(answers.result(PATIENCE_SECONDS), signatures[0]["serving_default"](user_id=tf.constant(USERS)))


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_it(late_server: LateServer) -> None:
    name = str(DAMAGED)
    (late_server.push_dir / f".incoming-{name}").mkdir()
    (late_server.push_dir / f".incoming-{name}" / "saved_model.pb").write_bytes(b"no graph")
    (late_server.push_dir / f".incoming-{name}").rename(late_server.push_dir / name)
    with late_server.server.connect("grpc") as client:
        wait_until(lambda: any(one.version == DAMAGED and one.state != "START" for one in client.status()))
        assert len(client.recommend_top(USERS)) == 3
        states = {one.version: one.state for one in client.status()}
        assert states.pop(DAMAGED) != "AVAILABLE"
        assert list(states.values()).count("AVAILABLE") == 1
    shutil.rmtree(late_server.push_dir / name)
