"""What Transform does with the interactions: strings become integer ids, and users and books are counted.

Ids are dense, start at 0 and fall with frequency: id 0 is the user or book with the most training interactions. What
the vocabulary's limits leave out gets `OUT_OF_VOCABULARY`.
"""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from transform import features
from transform.vocabularies import VocabularyParameters


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Maps raw features to what training reads.

    Args:
      inputs: the raw features, each a `tf.SparseTensor` or `tf.Tensor` with one value an example.
      custom_config: `VocabularyParameters`, as a dictionary.

    Returns:
      `user_id` and `book_id` int64 `[batch]`; `rating` float32 `[batch]`, NaN where the review has none.
    """
    limits = VocabularyParameters(**custom_config)
    return {
        features.USER_ID: _ids(
            inputs[features.USER], features.USER_VOCABULARY, limits.min_user_count, limits.max_users
        ),
        features.BOOK_ID: _ids(
            inputs[features.ISBN], features.ISBN_VOCABULARY, limits.min_book_count, limits.max_books
        ),
        features.RATING_VALUE: _dense(inputs[features.RATING], default=float("nan")),
    }


def _ids(values: Any, vocabulary: str, min_count: int, max_size: int | None) -> tf.Tensor:
    # The text format would drop titles with line breaks; the counts are what the loss corrects popularity with.
    return tft.compute_and_apply_vocabulary(
        _dense(values, default=""),
        default_value=features.OUT_OF_VOCABULARY,
        top_k=max_size,
        frequency_threshold=min_count if min_count > 1 else None,
        vocab_filename=vocabulary,
        file_format="tfrecord_gzip",
        store_frequency=True,
    )


def _dense(values: Any, default: Any) -> tf.Tensor:
    """Returns `[batch]` values of a feature with at most one value an example."""
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(
            tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]), default_value=default
        )
    return tf.squeeze(values, axis=1)
