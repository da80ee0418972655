"""Loads an exported model the way a server does, and tells how it answers: `python -m serving.probe DIR`.

What is printed is one JSON object: `load_seconds`; `p50_ms` and `p99_ms` of `serving_default` for one reader;
`peak_memory_mib` of the process that far; `request_memory_mib`, by how much the heaviest requests let that grow;
`broken`, a list of the promises that the model does not keep.
"""

import argparse
import contextlib
import gc
import json
import os
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from transform.uncollected import uncollected

with uncollected():
    import numpy as np
    import numpy.typing as npt
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

from serving.promises import broken_promises
from transform import features
from transform.plain_paths import plain_path

USERS: Final = 100
TIMED_REQUESTS: Final = 300

# The heaviest requests ask for the most active reader, as often as a request of 320 kB can, or for so many books read.
HEAVY_ROWS: Final = 10_000
HEAVY_BOOKS: Final = 2_000_000
SIGNATURES: Final = (
    features.SERVING_SIGNATURE,
    features.RECOMMEND_SIGNATURE,
    features.HISTORY_SIGNATURE,
    features.SIMILAR_BOOKS_SIGNATURE,
    features.USER_EMBEDDING_SIGNATURE,
    features.BOOK_EMBEDDING_SIGNATURE,
)


class ServedModel:
    """A model in a session, as TF Serving holds it: the graph, its assets and its signatures, and no Python object."""

    def __init__(self, folder: Path):
        """Loads the model, and raises what TensorFlow raises where it cannot."""
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default(), plain_path(folder) as plain:
            loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], str(plain))
        self._signatures = loaded.signature_def

    def missing(self) -> list[str]:
        """Returns the signatures that are not there."""
        return [name for name in SIGNATURES if name not in self._signatures]

    def ask(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs of `signature` by name, for inputs by name."""
        definition = self._signatures[signature]
        feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
        fetches = {name: tensor.name for name, tensor in definition.outputs.items()}
        answer: dict[str, Any] = self._session.run(fetches, feeds)
        return answer

    def variables(self, names: Sequence[str]) -> list[npt.NDArray[Any]]:
        """Returns what the variables with these `names` hold."""
        found: list[npt.NDArray[Any]] = self._session.run([f"{name}/Read/ReadVariableOp:0" for name in names])
        return found


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what was found. Returns 0 even where promises are broken: that is for the caller to judge."""
    parser = argparse.ArgumentParser(prog="python -m serving.probe", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder with saved_model.pb")
    parser.add_argument(
        "--while-stdin-is-open", action="store_true", help="end when the standard input does, as its holder was killed"
    )
    arguments = parser.parse_args(argv)
    if arguments.while_stdin_is_open:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    print(json.dumps(probe(arguments.folder)))
    return 0


def _end_with_stdin() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def probe(folder: Path) -> dict[str, Any]:
    """Returns what is printed. Where the model cannot be loaded, or lacks a signature, only `broken` is there."""
    started = time.monotonic()
    try:
        model = ServedModel(folder)
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        return {"broken": [f"cannot be loaded: {type(error).__name__}: {error}"]}
    load_seconds = time.monotonic() - started
    if model.missing():
        return {"broken": [f"has no signature {name}" for name in model.missing()]}
    try:
        broken = _replay(model, folder / features.WARMUP_FILE)
        known = (folder / "assets" / f"{features.USER_VOCABULARY}.txt").read_bytes().rstrip(b"\n").split(b"\n")
        users = {known[place]: int(place) for place in np.linspace(0, len(known) - 1, USERS).astype(int)}
        latencies = _latencies(model, list(users))
        memory = _peak_memory_mib()
        broken += broken_promises(model.ask, read_by(users, model))
        if not broken:
            _ask_heavily(model, known)
        request_memory = max(_peak_memory_mib() - memory, 0.0)
    except (KeyError, ValueError, tf.errors.OpError) as error:
        return {"broken": [f"fails when it is asked: {type(error).__name__}: {error}"]}
    p50, p99 = np.percentile(latencies, (50, 99)).tolist()
    return {
        "load_seconds": load_seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "peak_memory_mib": memory,
        "request_memory_mib": request_memory,
        "broken": broken,
    }


def read_by(users: Mapping[bytes, int], model: ServedModel) -> dict[bytes, list[bytes]]:
    """Returns what each of `users`, ids by pseudonyms, has read. No signature tells that, but what the model holds."""
    splits, read, books = model.variables(("history_row_splits", "history_books", "books"))
    return {user: books[read[splits[place] : splits[place + 1]]].tolist() for user, place in users.items()}


def _replay(model: ServedModel, path: Path) -> list[str]:
    """Asks every warm-up request. Returns what is wrong with them."""
    if not path.is_file():
        return [f"has no {features.WARMUP_FILE}"]
    asked = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        model.ask(
            request.model_spec.signature_name, {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        )
        asked.add(request.model_spec.signature_name)
    return [f"{features.WARMUP_FILE} has no request of {name}" for name in SIGNATURES if name not in asked]


def _ask_heavily(model: ServedModel, users: Sequence[bytes]) -> None:
    """Asks the signatures that sum up what readers have read for the most active of `users`, very often at once."""
    [splits] = model.variables(("history_row_splits",))
    place = int(np.diff(splits).argmax())
    reader = users[place]
    books = read_by({reader: place}, model)[reader]
    rows = max(min(HEAVY_ROWS, HEAVY_BOOKS // len(books)), 1)
    for signature, inputs in (
        (features.SERVING_SIGNATURE, {features.SERVED_USER_ID: [reader] * rows}),
        (features.USER_EMBEDDING_SIGNATURE, {features.SERVED_USER_ID: [reader] * rows}),
        (features.HISTORY_SIGNATURE, {features.SERVED_ISBN: [books] * max(HEAVY_ROWS // len(books), 1)}),
    ):
        # What is refused takes no memory, which is right too.
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            model.ask(signature, inputs)


def _latencies(model: ServedModel, users: Sequence[bytes]) -> list[float]:
    """Returns milliseconds of requests for one user each."""
    found = []
    for number in range(TIMED_REQUESTS):
        user = [users[number % len(users)]]
        started = time.perf_counter()
        model.ask(features.SERVING_SIGNATURE, {features.SERVED_USER_ID: user})
        found.append(1000 * (time.perf_counter() - started))
    return found


def _peak_memory_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0]) / 1024


if __name__ == "__main__":
    exit_code = main()
    gc.freeze()  # As in local_runner.py.
    sys.exit(exit_code)
