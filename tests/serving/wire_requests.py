"""Requests as they go over the wire, with no client in between that would repeat them."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.grpc_transport import OPTIONS
from tests.serving.servers import Server

USERS = ["reader-1", "reader-2", "nobody"]
QUESTIONS: dict[str, dict[str, list]] = {
    "serving_default": {"user_id": USERS},
    "recommend": {"user_id": USERS, "exclude": [["Émile", "日本"], ["", "x"], ["book 7", "a"]], "k": [3, 7, 5]},
    "recommend_for_history": {"isbn": [["日本", "book 9"], ["", "two\nlines"], ["x", ""]]},
    "similar_books": {"isbn": ["日本", "x"], "k": [2, 3]},
    "user_embedding": {"user_id": USERS},
    "book_embedding": {"isbn": ["Émile", "x"]},
}


def over_grpc(server: Server, signature: str, inputs: Mapping[str, Any], model: str = "readalike") -> dict[str, Any]:
    with grpc_channel(server) as channel:
        _, outputs = predict(channel, signature, inputs, model)
    return outputs


def grpc_channel(server: Server) -> grpc.Channel:
    return grpc.insecure_channel(server.address("grpc").removeprefix("grpc://"), options=OPTIONS)


def predict(
    channel: grpc.Channel, signature: str, inputs: Mapping[str, Any], model: str = "readalike"
) -> tuple[int, dict[str, Any]]:
    """Returns which version has answered, and what."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = stub.Predict(request, timeout=60, wait_for_ready=True)
    return answer.model_spec.version.value, {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}


def over_rest(server: Server, path: str, question: Any = None) -> Any:
    body = None if question is None else json.dumps(question).encode()
    with urllib.request.urlopen(f"{server.address('http')}/v1/models/{path}", body, timeout=60) as answer:
        return json.loads(answer.read().decode("utf-8", "surrogateescape"), parse_constant=refuse_constant)


def refuse_constant(name: str) -> NoReturn:
    """Refuses `NaN`, `Infinity` and `-Infinity`, which are no JSON (RFC 8259)."""
    raise AssertionError(f"{name} is no JSON")
