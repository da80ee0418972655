"""The two-tower model: a vector per user, a vector per book, and a softmax over the books of the batch.

The score of user i and book j is cos(u_i, v_j). Training divides it by a temperature, corrects it by the log of the
book's share of the interactions, because popular books stand in more batches (Yi et al., Sampling-bias-corrected neural
modeling for large corpus item recommendations, RecSys 2019), and leaves out books that the user is known to have read:
they are no negatives.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from trainer.interactions import Histories, Ids
from transform import features

INITIAL_RANGE: Final = 0.05

# The epoch's mean of the batches' loss: under `loss` TFRS reports that of the last batch alone.
MEAN_LOSS: Final = "mean_loss"


class Tower(tf.keras.Model):
    """`[batch]` ids -> `[batch, embedding_dim]` vectors of length 1."""

    def __init__(self, ids: int, embedding_dim: int, seed: int):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(
            ids,
            embedding_dim,
            embeddings_initializer=tf.keras.initializers.RandomUniform(-INITIAL_RANGE, INITIAL_RANGE, seed=seed),
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Looks the vectors up."""
        return tf.math.l2_normalize(self.embedding(ids), axis=-1)

    def vectors(self) -> tf.Tensor:
        """Returns `[ids, embedding_dim]`: the vectors of all ids."""
        return self(tf.range(self.embedding.input_dim))


class TwoTowerModel(tfrs.Model):
    """A user tower and a book tower, trained by TFRS' retrieval task."""

    def __init__(
        self,
        histories: Histories,
        book_counts: npt.NDArray[np.int64],
        *,
        embedding_dim: int,
        temperature: float,
        seed: int,
    ):
        """Builds both towers.

        Args:
          histories: every user's training books.
          book_counts: `[books]`, each book's training interactions.
          embedding_dim: width of the vectors.
          temperature: divides the cosine.
          seed: of the initial vectors.
        """
        super().__init__()
        users, books = len(histories.row_splits) - 1, len(book_counts)
        self.query_tower = Tower(users, embedding_dim, seed)
        self.candidate_tower = Tower(books, embedding_dim, seed + 1)
        self.task = tfrs.tasks.Retrieval(temperature=temperature, loss_metrics=[tf.keras.metrics.Mean(name=MEAN_LOSS)])
        self._row_splits = tf.constant(histories.row_splits)
        self._history = tf.constant(histories.books)
        # Shares of the most read book's count, not of all interactions: the softmax is the same, as all scores move
        # alike, and TFRS takes a probability below 1e-6 for 1e-6. A million interactions reach that; so it takes a book
        # with a million.
        self._probability = tf.constant(book_counts / max(int(book_counts.max(initial=0)), 1), tf.float32)
        self.query_tower(tf.zeros([1], tf.int32))
        self.candidate_tower(tf.zeros([1], tf.int32))

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the loss of a batch, summed over its rows.

        Args:
          inputs: `user_id` and `book_id`, int `[batch]` each.
          training: not used; both towers do the same.
        """
        users, books = inputs[features.USER_ID], inputs[features.BOOK_ID]
        return self.task(
            self.query_tower(users),
            self.candidate_tower(books),
            candidate_sampling_probability=tf.gather(self._probability, books),
            score_mask=self.score_mask(users, books),
            compute_metrics=False,
            compute_batch_metrics=False,
        )

    def score_mask(self, users: tf.Tensor, books: tf.Tensor) -> tf.Tensor:
        """Says which books of a batch compete for which rows.

        Args:
          users: `[batch]`.
          books: `[batch]`.

        Returns:
          bool `[batch, batch]`: False where book j is a training book of user i, except on the diagonal.
        """
        batch = tf.shape(users)[0]
        distinct, position = tf.unique(books)
        slots = tf.range(1, tf.size(distinct) + 1)
        slot_of_book = tf.scatter_nd(distinct[:, tf.newaxis], slots, [tf.size(self._probability)])
        starts = tf.gather(self._row_splits, users)
        entries = tf.ragged.range(starts, tf.gather(self._row_splits, users + 1))
        slot = tf.gather(slot_of_book, tf.gather(self._history, entries.flat_values))
        rows = tf.cast(entries.value_rowids(), tf.int32)
        places = tf.boolean_mask(tf.stack([rows, slot - 1], axis=1), slot > 0)
        read = tf.scatter_nd(places, tf.ones_like(places[:, 0]), [batch, tf.size(distinct)])
        return (tf.gather(read, position, axis=1) == 0) | tf.eye(
            batch, dtype=tf.bool
        )  # [batch, distinct] -> [batch, batch]

    def scores(self, users: Ids) -> tf.Tensor:
        """Returns float `[users, books]`: the cosine of each of `users` with every book."""
        return tf.matmul(self.query_tower(tf.constant(users)), self.candidate_tower.vectors(), transpose_b=True)
