"""The notebook's steps as a script, with two mistakes corrected: `python -m benchmarks.scale.notebook`.

Vocabularies are made by batched `adapt`, and the loss takes the columns of a batch, not its first two rows. No metric
is computed during training. The script prints its steps to standard output.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd
import tensorflow as tf
import tensorflow_recommenders as tfrs
from sklearn.preprocessing import LabelEncoder

from benchmarks.scale.steps import Step, told
from transform import features

LEAST_REVIEWS: Final = 3
EMBEDDING_DIM: Final = 32
BATCH: Final = 8_192
EPOCHS: Final = 3
LEARNING_RATE: Final = 0.1
INDEXED_BOOKS: Final = 100


class TwoTowers(tfrs.Model):
    """User and book embedding tables, trained by TFRS's in-batch softmax."""

    def __init__(self, users: Any, books: Any):
        """Builds the towers from two `StringLookup` layers."""
        super().__init__()
        self.user_tower, self.book_tower = (
            tf.keras.Sequential(
                [
                    tf.keras.Input((), dtype=tf.string),
                    lookup,
                    tf.keras.layers.Embedding(lookup.vocabulary_size(), EMBEDDING_DIM),
                ]
            )
            for lookup in (users, books)
        )
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the loss of a batch of user and book names, each `[batch]`."""
        return self.task(self.user_tower(inputs[features.USER]), self.book_tower(inputs[features.ISBN]))


@contextmanager
def step(name: str) -> Iterator[None]:
    """Prints start and end of the block as a step."""
    started = time.time()
    yield
    print(told(Step(name, started, time.time())), flush=True)


def kept_reviews(reviews: pd.DataFrame) -> pd.DataFrame:
    """Returns the reviews of users with three or more. Users are label-encoded ids as text."""
    encoded = reviews.assign(**{features.USER: LabelEncoder().fit_transform(reviews[features.USER])})
    reviews_a_user = encoded[features.USER].map(encoded[features.USER].value_counts())
    kept = encoded[reviews_a_user >= LEAST_REVIEWS]
    return kept.assign(**{features.USER: kept[features.USER].astype(str)})


def vocabulary(names: Any) -> Any:
    """Returns a `StringLookup` of `names`, an unbatched dataset."""
    lookup = tf.keras.layers.StringLookup()
    lookup.adapt(names.batch(BATCH))
    return lookup


def main(argv: Sequence[str] | None = None) -> int:
    """Runs all steps, saves the index, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale.notebook", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(argv)
    with step("read_csv"):
        reviews = pd.read_csv(options.data)
    with step("encode, filter"):
        kept = kept_reviews(reviews)
        columns = {name: kept[name].to_numpy() for name in (features.USER, features.ISBN)}
        ratings = tf.data.Dataset.from_tensor_slices(columns)
    with step("vocabularies"):
        users, books = (
            vocabulary(ratings.map(lambda row, name=name: row[name])) for name in (features.USER, features.ISBN)
        )
    with step("fit"):
        model = TwoTowers(users, books)
        model.compile(optimizer=tf.keras.optimizers.Adam(LEARNING_RATE))
        model.fit(ratings.batch(BATCH), epochs=EPOCHS, verbose=2)
    with step("index"):
        titles = tf.data.Dataset.from_tensor_slices(kept[features.ISBN].unique()).batch(INDEXED_BOOKS)
        index = tfrs.layers.factorized_top_k.BruteForce(model.user_tower)
        index.index_from_dataset(tf.data.Dataset.zip((titles, titles.map(model.book_tower))))
        index(tf.constant(columns[features.USER][:1]))
    with step("save"):
        tf.saved_model.save(index, str(options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
