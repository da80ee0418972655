"""Clients that ask without pause, and know of which model each answer is."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tests.serving.servers import Server, wait_until
from tests.serving.wire_requests import QUESTIONS, grpc_channel, over_rest, predict

CLIENTS = 8
SIGNATURE = "recommend"


class Load(NamedTuple):
    """What the clients have seen so far."""

    models: list[list[int]]
    """By client, the model that each answer is wholly of."""

    versions: list[tuple[int, int]]
    """Versions as the server names them, which it does over gRPC, and the models that answered."""

    threads: list[Future]

    def wait_for(self, model: int) -> float:
        """Returns when all clients are answered by `model`, and after how many seconds the first was."""
        began = time.monotonic()
        wait_until(lambda: any(models[-1] == model for models in self.models), self.check)
        seconds = time.monotonic() - began
        wait_until(lambda: all(models[-1] == model for models in self.models), self.check)
        return seconds

    def check(self) -> None:
        """Fails if an answer was an error, or of no model."""
        for thread in self.threads:
            if thread.done():
                thread.result()


@contextmanager
def clients_asking(server: Server, signatures: Sequence[Any]) -> Iterator[Load]:
    """Lets clients ask, half of them over each protocol, and fails where an answer is an error or of no model.

    Args:
      server: who is asked.
      signatures: of the models that may answer.
    """
    question = QUESTIONS[SIGNATURE]
    wanted = [
        {name: values.numpy() for name, values in model[SIGNATURE](**_tensors(question)).items()}
        for model in signatures
    ]
    load, stop = Load([[] for _ in range(CLIENTS)], [], []), threading.Event()

    def ask_over_grpc(place: int) -> None:
        with grpc_channel(server) as channel:
            while not stop.is_set():
                version, outputs = predict(channel, SIGNATURE, question)
                model = _only_model(outputs, wanted)
                load.versions.append((version, model))
                load.models[place].append(model)

    def ask_over_rest(place: int) -> None:
        while not stop.is_set():
            answer = over_rest(server, "readalike:predict", {"signature_name": SIGNATURE, "inputs": question})
            load.models[place].append(_only_model(answer["outputs"], wanted))

    with ThreadPoolExecutor(CLIENTS) as threads:
        for place in range(CLIENTS):
            load.threads.append(threads.submit((ask_over_grpc, ask_over_rest)[place % 2], place))
        try:
            wait_until(lambda: all(load.models), load.check)
            yield load
        finally:
            stop.set()
    load.check()


def _tensors(question: dict[str, list]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(values) for name, values in question.items()}


def _only_model(outputs: dict[str, Any], wanted: list[dict[str, np.ndarray]]) -> int:
    """Returns the one model whose answer this is, to the last row."""
    models = [model for model, answer in enumerate(wanted) if _same(outputs, answer)]
    assert len(models) == 1, f"the answer of {len(models)} models: {outputs}"
    return models[0]


def _same(outputs: dict[str, Any], wanted: dict[str, np.ndarray]) -> bool:
    texts = [[_text(isbn) for isbn in row] for row in outputs["isbn"]]
    return (
        texts == [[_text(isbn) for isbn in row] for row in wanted["isbn"]]
        and np.allclose(outputs["score"], wanted["score"], atol=1e-5)
        and np.array_equal(outputs["known_user"], wanted["known_user"])
    )


def _text(isbn: bytes | str) -> str:
    return isbn if isinstance(isbn, str) else isbn.decode("utf-8", "surrogateescape")
