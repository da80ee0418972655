"""What Transform does with the interactions: strings become integer ids, and users and books are counted.

Ids are dense, start at 0 and fall with frequency: id 0 is the user or book with the most training interactions. What
the vocabulary's limits leave out gets `OUT_OF_VOCABULARY`.
"""

from typing import Any, Final

import tensorflow as tf
import tensorflow_transform as tft

from transform import features
from transform.vocabularies import VocabularyParameters

# Entries of a vocabulary that are read together.
ENTRIES_AT_ONCE: Final = 4_096


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
    dense = _dense(values, default="")
    # The text format would drop titles with line breaks; the counts are what the loss corrects popularity with.
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

    TensorFlow Transform's own table hands the entries over one by one from thread to thread, each time it is loaded:
    most of the step's time for a vocabulary of a hundred thousand.
    """

    def read() -> tf.data.Dataset:
        batches = tf.data.TFRecordDataset(vocabulary, compression_type="GZIP").batch(ENTRIES_AT_ONCE)
        options = tf.data.Options()
        options.autotune.enabled = False  # It takes the time of every entry, which takes as long as the entries do.
        return batches.enumerate().map(_entries).unbatch().with_options(options)

    def made(entries: tf.data.Dataset) -> tf.lookup.StaticHashTable:
        return tf.lookup.StaticHashTable(
            tf.data.experimental.DatasetInitializer(entries), default_value=features.OUT_OF_VOCABULARY
        )

    # While the vocabulary is being made its path is not known yet; once it is, the table is made once and for all.
    if tf.is_symbolic_tensor(vocabulary):
        table = made(read())
    else:
        entries = tft.make_and_track_object(read)
        table = tft.make_and_track_object(lambda: made(entries))
    return table.lookup(values), table.size()


def _entries(batch: tf.Tensor, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the tokens of records `[n]`, each a count, a space and a token, and their ids."""
    tokens = tf.strings.regex_replace(records, r"^\d+ ", "", replace_global=False)
    return tokens, batch * ENTRIES_AT_ONCE + tf.range(tf.size(records, tf.int64))


def _dense(values: Any, default: Any) -> tf.Tensor:
    """Returns `[batch]` values of a feature with at most one value an example."""
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(
            tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]), default_value=default
        )
    return tf.squeeze(values, axis=1)
