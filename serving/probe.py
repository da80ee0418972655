"""Loads an exported model as a server does, and measures its answers: `python -m serving.probe DIR`.

Prints one JSON object: `load_seconds`; `p50_ms` and `p99_ms`, latencies of `serving_default` for one reader;
`peak_memory_mib` of the process up to then; `request_memory_mib`, the growth of that peak by the heaviest requests;
`broken`, a list of violations of the serving contract.
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

from core.uncollected import uncollected

with uncollected():
    import numpy as np
    import numpy.typing as npt
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

from serving.contract import broken_terms
from storage.plain_paths import plain_path
from transform import features

USERS: Final = 100
TIMED_REQUESTS: Final = 300

# The heaviest requests repeat the most active reader: as many rows as 320 kB hold, up to this total of books read.
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
    """A model in a session, as TF Serving holds it: graph, assets and signatures, without Python objects."""

    def __init__(self, folder: Path):
        """Loads the model; TensorFlow's errors pass through."""
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default(), plain_path(folder) as plain:
            loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], str(plain))
        self._signatures = loaded.signature_def

    def missing(self) -> list[str]:
        """Returns the names of the missing signatures."""
        return [name for name in SIGNATURES if name not in self._signatures]

    def ask(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs of `signature` by name, for inputs by name."""
        definition = self._signatures[signature]
        feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
        fetches = {name: tensor.name for name, tensor in definition.outputs.items()}
        answer: dict[str, Any] = self._session.run(fetches, feeds)
        return answer

    def variables(self, names: Sequence[str]) -> list[npt.NDArray[Any]]:
        """Returns the values of the variables with these `names`."""
        found: list[npt.NDArray[Any]] = self._session.run([f"{name}/Read/ReadVariableOp:0" for name in names])
        return found


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the measurements. Returns 0 even if the serving contract is broken: the caller judges that."""
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
    """Returns the printed object; only `broken` if the model cannot be loaded, lacks a signature or fails a request."""
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
        broken += broken_terms(model.ask, read_by(users, model))
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
    """Returns the books that each of `users`, ids by pseudonym, has read. No signature has them, but variables do."""
    splits, read, books = model.variables(("history_row_splits", "history_books", "books"))
    return {user: books[read[splits[place] : splits[place + 1]]].tolist() for user, place in users.items()}


def _replay(model: ServedModel, path: Path) -> list[str]:
    """Sends every warm-up request. Returns what is wrong with them."""
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
    """Sends the most active of `users`, many times in one request, to each signature that sums a reader's history."""
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
        # A model may refuse the request, which takes no memory.
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            model.ask(signature, inputs)


def _latencies(model: ServedModel, users: Sequence[bytes]) -> list[float]:
    """Returns the milliseconds of each request, for one user at a time."""
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
