"""Warm-up requests, which TF Serving replays after loading a model so that no reader waits for the setup."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from transform import features

MODEL_NAME: Final = "readalike"

# Batch sizes of the requests: one reader, and a batch as a server that batches requests may form it.
BATCHES: Final = (1, 16)
STRANGER: Final = "a stranger"


def write_warmup(users: Sequence[bytes], books: Sequence[bytes], path: str) -> None:
    """Writes requests to every signature as a TFRecord file of `PredictionLog`.

    Args:
      users: pseudonyms of known readers, at least one; used in turn.
      books: known books, at least one; used in turn.
      path: the file; TF Serving reads `assets.extra/tf_serving_warmup_requests`.
    """
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.TFRecordWriter(path) as writer:
        for batch in BATCHES:
            for signature, inputs in _requests(users, books, batch):
                request = predict_pb2.PredictRequest(
                    model_spec=model_pb2.ModelSpec(name=MODEL_NAME, signature_name=signature),
                    inputs={name: tf.make_tensor_proto(values, dtype) for name, (values, dtype) in inputs.items()},
                )
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _requests(
    users: Sequence[bytes], books: Sequence[bytes], batch: int
) -> Iterator[tuple[str, dict[str, tuple[Any, tf.DType]]]]:
    """Yields signatures and their inputs. A batch of several readers includes an unknown user, for that code path."""
    asked = [users[number % len(users)] for number in range(batch)]
    if batch > 1:
        asked[-1] = STRANGER.encode()
    titles = [books[number % len(books)] for number in range(batch)]
    user_id = {features.SERVED_USER_ID: (asked, tf.string)}
    isbn = {features.SERVED_ISBN: (titles, tf.string)}
    k = {features.SERVED_K: ([10] * batch, tf.int32)}
    yield features.SERVING_SIGNATURE, user_id
    exclude = {features.SERVED_EXCLUDE: ([[title] for title in titles], tf.string)}
    yield features.RECOMMEND_SIGNATURE, {**user_id, **exclude, **k}
    yield features.HISTORY_SIGNATURE, {features.SERVED_ISBN: ([[title] for title in titles], tf.string)}
    yield features.SIMILAR_BOOKS_SIGNATURE, {**isbn, **k}
    yield features.USER_EMBEDDING_SIGNATURE, user_id
    yield features.BOOK_EMBEDDING_SIGNATURE, isbn
