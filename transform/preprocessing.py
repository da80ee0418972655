"""Transform's preprocessing of interactions: counts users and books, and replaces them by integer ids.

Ids are dense, start at 0 and are ordered by frequency: id 0 is the user or book with the most training interactions.
Users and books outside the vocabulary's limits get `OUT_OF_VOCABULARY`.
"""

from typing import Any, Final

import tensorflow as tf
import tensorflow_transform as tft

from transform import features
from transform.vocabulary_parameters import VocabularyParameters

# Number of vocabulary entries per batch.
ENTRIES_AT_ONCE: Final = 4_096


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Returns the training features of the raw features.

    Args:
      inputs: the raw features, each a `tf.SparseTensor` or `tf.Tensor` with one value per example.
      custom_config: `VocabularyParameters`, as a dictionary.

    Returns:
      `user_id` and `book_id` int64 `[batch]`; `rating` float32 `[batch]`, NaN if the review has no rating.
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
    dense = _dense(values, default="")
    # The text format would drop titles with line breaks. The loss uses the counts to correct for popularity.
    path = tft.vocabulary(
        dense,
        top_k=max_size,
        frequency_threshold=min_count if min_count > 1 else None,
        vocab_filename=vocabulary,
        file_format="tfrecord_gzip",
        store_frequency=True,
    )
    return tft.apply_vocabulary(dense, path, lookup_fn=_looked_up)


def _looked_up(values: tf.Tensor, vocabulary: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the ids of `values` and the size of the vocabulary in the file `vocabulary`.

    TensorFlow Transform's own table passes entries between threads one by one each time it is loaded. With a
    vocabulary of a hundred thousand entries that takes most of the step's time.
    """

    def read() -> tf.data.Dataset:
        batches = tf.data.TFRecordDataset(vocabulary, compression_type="GZIP").batch(ENTRIES_AT_ONCE)
        options = tf.data.Options()
        options.autotune.enabled = False  # Autotuning times each entry, which takes as long as reading it.
        return batches.enumerate().map(_entries).unbatch().with_options(options)

    def made(entries: tf.data.Dataset) -> tf.lookup.StaticHashTable:
        return tf.lookup.StaticHashTable(
            tf.data.experimental.DatasetInitializer(entries), default_value=features.OUT_OF_VOCABULARY
        )

    # While the vocabulary is being built its path is unknown. Afterwards the table is made only once.
    if tf.is_symbolic_tensor(vocabulary):
        table = made(read())
    else:
        entries = tft.make_and_track_object(read)
        table = tft.make_and_track_object(lambda: made(entries))
    return table.lookup(values), table.size()


def _entries(batch: tf.Tensor, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the tokens and ids of `records` `[n]`, each a count, a space and a token."""
    tokens = tf.strings.regex_replace(records, r"^\d+ ", "", replace_global=False)
    return tokens, batch * ENTRIES_AT_ONCE + tf.range(tf.size(records, tf.int64))


def _dense(values: Any, default: Any) -> tf.Tensor:
    """Returns the `[batch]` values of a feature with at most one value per example."""
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(
            tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]), default_value=default
        )
    return tf.squeeze(values, axis=1)
