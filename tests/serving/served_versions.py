"""What a model server has loaded: the highest version of a push folder, and what it says of all that it ever had."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_status_pb2, status_pb2

from registry.push_folder import is_version

Inputs = Mapping[str, tf.Tensor]
Outputs = dict[str, np.ndarray]

STATES = get_model_status_pb2.ModelVersionStatus
CODES = {code.value[0]: code for code in grpc.StatusCode}


class RefusalError(Exception):
    """What a server answers instead of tensors."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code, self.message = code, message


class Version:
    """One loaded version."""

    def __init__(self, folder: Path):
        self.number = int(folder.name)
        self._model = tf.saved_model.load(str(folder))
        file = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        self.signatures = dict(file.meta_graphs[0].signature_def)

    def check(self, signature: str, inputs: Inputs) -> None:
        """Raises RefusalError for what the graph could not even be given."""
        if signature not in self.signatures:
            raise RefusalError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
        wanted = self.signatures[signature].inputs
        if inputs.keys() != set(wanted):
            raise RefusalError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"input size does not match signature: {len(inputs)}!={len(wanted)}. "
                f"Sent extra: {{{','.join(sorted(inputs.keys() - set(wanted)))}}}. "
                f"Missing but required: {{{','.join(sorted(set(wanted) - inputs.keys()))}}}.",
            )
        for name, info in wanted.items():
            if inputs[name].dtype.as_datatype_enum != info.dtype:
                raise RefusalError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"{name} is to be {tf.as_dtype(info.dtype).name} but {inputs[name].dtype.name} is provided",
                )
            if len(inputs[name].shape) != len(info.tensor_shape.dim):
                raise RefusalError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"{name} is to have {len(info.tensor_shape.dim)} dimensions but has {len(inputs[name].shape)}",
                )

    def run(self, signature: str, inputs: Inputs) -> Outputs:
        """Returns the outputs for inputs that were checked."""
        try:
            outputs = self._model.signatures[signature](**inputs)
        except tf.errors.OpError as error:
            raise RefusalError(CODES[error.error_code], error.message) from error
        return {name: output.numpy() for name, output in outputs.items()}


class Told(NamedTuple):
    """What is told of a version."""

    state: int
    error: str = ""


class ServedVersions:
    """Follows a push folder as TF Serving does: a newer version is loaded beside the old one, then takes its place."""

    def __init__(self, model: str, push_dir: str):
        self.model = model
        self._folder = Path(push_dir)
        self._current: Version | None = None
        self._told: dict[int, Told] = {}
        self._first = threading.Event()

    def follow(self, poll_seconds: float) -> None:
        """Loads what is new, for ever."""
        pause = threading.Event()
        while True:
            self._look()
            pause.wait(poll_seconds)

    def wait_for_the_first(self) -> None:
        self._first.wait()

    def get(self, model: str, number: int | None) -> Version:
        """Returns the version that is asked for. Who has got it keeps it until the answer is there."""
        current = self._current
        if current is None or model != self.model or number not in (None, current.number):
            asked = f"Latest({model})" if number is None else f"Specific({model}, {number})"
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}")
        return current

    def status(self, model: str, number: int | None) -> get_model_status_pb2.GetModelStatusResponse:
        """Returns what is told of one version, or of all."""
        told = {one: what for one, what in self._told.items() if model == self.model and number in (None, one)}
        if not told:
            asked = "any versions" if number is None else f"version {number}"
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"Could not find {asked} of model {model}")
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=[
                STATES(
                    version=one,
                    state=what.state,
                    status=status_pb2.StatusProto(error_code=2 if what.error else 0, error_message=what.error),
                )
                for one, what in sorted(told.items(), reverse=True)
            ]
        )

    def _look(self) -> None:
        """Takes the folder with the highest number for a version, whatever is in it, as TF Serving does."""
        names = [path.name for path in self._folder.iterdir() if is_version(path.name)]
        if not names:
            return
        name = max(names, key=int)
        number = int(name)
        if number in self._told and self._told[number].state != STATES.END:
            return
        if number in self._told and self._told[number].error:
            return
        self._tell(number, Told(STATES.LOADING))
        try:
            loaded = Version(self._folder / name)
        except Exception as error:
            self._tell(number, Told(STATES.END, f"{type(error).__name__}: {error}"))
            return
        before, self._current = self._current, loaded
        self._tell(number, Told(STATES.AVAILABLE))
        if before is not None:
            self._tell(before.number, Told(STATES.END))
        self._first.set()

    def _tell(self, number: int, told: Told) -> None:
        """Replaces the whole, which other threads read without a lock."""
        self._told = {**self._told, number: told}
