"""Asks TF Serving over gRPC."""

import math
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
import numpy as np

from serving.pushed_model import quiet_libraries
from serving.transport import (
    FAILED_PRECONDITION,
    MOST_ANSWER_BYTES,
    MOST_ELEMENTS,
    UNAVAILABLE,
    AttemptError,
    Inputs,
    Outputs,
    Transport,
    VersionStatus,
)

OPTIONS: Final = (
    # A million books exceed gRPC's default limit of 4 MB.
    ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
    ("grpc.max_send_message_length", -1),
    # By default, gRPC may wait up to two minutes before it reconnects to a restarted server.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcTransport(Transport):
    """Holds one channel, which reconnects by itself."""

    def __init__(self, server: str, model: str, version: int | None, timeout_seconds: float):
        """Takes the arguments of Transport; loads TensorFlow, whose messages TF Serving's contain."""
        super().__init__(server, model, version, timeout_seconds)
        with quiet_libraries():
            import tensorflow as tf  # The import takes seconds, which REST clients need not spend.
            from tensorflow_serving.apis import (
                get_model_status_pb2,
                model_service_pb2_grpc,
                predict_pb2,
                prediction_service_pb2_grpc,
            )

        self._tensorflow = tf
        self._fields = {
            tf.string.as_datatype_enum: "string_val",
            tf.float32.as_datatype_enum: "float_val",
            tf.bool.as_datatype_enum: "bool_val",
        }
        self._predict_request = predict_pb2.PredictRequest
        self._status_request = get_model_status_pb2.GetModelStatusRequest
        self._state_name = get_model_status_pb2.ModelVersionStatus.State.Name
        self._channel = grpc.insecure_channel(urlsplit(server).netloc, options=OPTIONS)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _predict(self, signature: str, inputs: Inputs, needed: Collection[str], seconds: float) -> Outputs:
        request = self._predict_request()
        self._name_model(request.model_spec)
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(self._tensor(values))
        answer = _call(self._predictions.Predict, request, seconds)
        return {name: self._values(name, answer.outputs[name]) for name in needed if name in answer.outputs}

    def _status(self, seconds: float) -> list[VersionStatus]:
        request = self._status_request()
        self._name_model(request.model_spec)
        answer = _call(self._models.GetModelStatus, request, seconds)
        return [
            VersionStatus(one.version, self._state_name(one.state), one.status.error_message)
            for one in answer.model_version_status
        ]

    def _name_model(self, model_spec: Any) -> None:
        model_spec.name = self.model
        if self.version is not None:
            model_spec.version.value = self.version

    def _tensor(self, values: np.ndarray) -> Any:
        """Returns a TensorProto."""
        if values.dtype != object:
            return self._tensorflow.make_tensor_proto(values)
        texts = [text.encode("utf-8", "surrogateescape") for text in values.flat]
        return self._tensorflow.make_tensor_proto(texts, self._tensorflow.string, values.shape)

    def _values(self, name: str, tensor: Any) -> np.ndarray:
        """Returns an array of objects, bool or float32."""
        shape = [dimension.size for dimension in tensor.tensor_shape.dim]
        if tensor.tensor_shape.unknown_rank or min(shape, default=0) < 0 or math.prod(shape) > MOST_ELEMENTS:
            raise _unusable(f"{name} has the impossible shape {shape}")
        if tensor.dtype not in self._fields:
            raise _unusable(f"{name} is neither text nor numbers")
        # TensorFlow would read missing values as zeros.
        if math.prod(shape) and not (tensor.tensor_content or getattr(tensor, self._fields[tensor.dtype])):
            raise _unusable(f"{name} is empty")
        try:
            values = self._tensorflow.make_ndarray(tensor)
        except (ValueError, TypeError) as error:
            raise _unusable(f"{name} does not hold what its shape {shape} promises") from error
        if values.dtype != object:
            return values
        texts = [text.decode("utf-8", "surrogateescape") for text in values.flat]
        return np.array(texts, object).reshape(values.shape)


def _unusable(detail: str) -> AttemptError:
    return AttemptError(FAILED_PRECONDITION, detail, passing=False)


def _call(method: Any, request: Any, seconds: float) -> Any:
    try:
        return method(request, timeout=seconds)
    except grpc.RpcError as error:
        status = error.code().name
        raise AttemptError(status, error.details() or "", passing=status == UNAVAILABLE) from error
