"""The trained towers: a user is the sum of the books read, trained by a softmax over the books of the batch.

One example is one user. Each of the user's books is kept with probability `keep_share`; the others are the targets. The
query is the sum of the kept books' vectors. So there is no table of users, and a reader without an account gets an
answer too. The candidates are the books of all users of the batch. With the query q, the candidate v_j, both of length
1, and a temperature t, book j's logit is

    z_j = q . v_j / t - log pi_j        pi_j = 1 - (1 - batch / users) ^ count_j

where pi_j is the probability that the batch has book j (Yi et al., Sampling-bias-corrected neural modeling for large
corpus item recommendations, RecSys 2019). Targets have no correction, and the softmax excludes the kept books. The loss
is the mean over users of the sum of -log softmax(z) over the targets.

TFRS' Retrieval task takes one positive per row, so this module has its own loss: a row with all of a user's books finds
more, see docs/recommendation-quality.md.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from data.histories import Histories
from trainer.models.towers import SHORTEST, BookTowers, summed
from transform import features

INITIAL_RANGE: Final = 0.05
MEAN_LOSS: Final = "mean_loss"

# Takes a kept book out of the softmax: low enough to vanish, finite so that no gradient becomes NaN.
EXCLUDED: Final = -1e9


class BookTable(tf.keras.Model):
    """`[n]` book ids -> `[n, embedding_dim]` rows."""

    def __init__(self, books: int, embedding_dim: int, seed: int):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(
            books,
            embedding_dim,
            embeddings_initializer=tf.keras.initializers.RandomUniform(-INITIAL_RANGE, INITIAL_RANGE, seed=seed),
        )
        self(tf.zeros([1], tf.int32))

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the rows of `ids`."""
        return self.embedding(ids)

    def table(self) -> npt.NDArray[np.float32]:
        """Returns the table, `[books, embedding_dim]`."""
        return self.embedding.embeddings.numpy()


class TwoTowerModel(tfrs.Model):
    """A query tower that sums a history, and a candidate tower."""

    def __init__(
        self,
        histories: Histories,
        book_counts: npt.NDArray[np.int64],
        *,
        embedding_dim: int,
        temperature: float,
        batch_users: int,
        keep_share: float,
        seed: int,
    ):
        """Builds both towers.

        Args:
          histories: every user's training books.
          book_counts: `[books]`, each book's training interactions.
          embedding_dim: width of the vectors.
          temperature: divides the cosine.
          batch_users: users per step and replica.
          keep_share: probability that the query tower sees a book of a user.
          seed: seed of the initial vectors and of the choice of kept books.
        """
        super().__init__()
        self.query_tower = BookTable(len(book_counts), embedding_dim, seed)
        self.candidate_tower = BookTable(len(book_counts), embedding_dim, seed + 1)
        self._temperature, self._keep_share, self._seed = temperature, keep_share, seed
        self._row_splits = tf.constant(histories.row_splits)
        self._history = tf.constant(histories.books)
        readers = max(int(np.count_nonzero(histories.sizes())), 1)
        absent = np.log1p(-min(batch_users / readers, 1 - 1e-9)) * np.maximum(book_counts, 1)
        self._log_probability = tf.constant(np.log(-np.expm1(absent)), tf.float32)
        self._mean_loss = tf.keras.metrics.Mean(name=MEAN_LOSS)

    @tf.autograph.experimental.do_not_convert
    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the mean loss of a batch of users; with several replicas, this replica's share of the step's loss.

        Args:
          inputs: `user_id`, int `[batch]`.
          training: True: each step keeps other books; False: the same books as in the first step.
        """
        users = inputs[features.USER_ID]
        starts, ends = tf.gather(self._row_splits, users), tf.gather(self._row_splits, users + 1)
        entries = tf.ragged.range(starts, ends)
        rows = tf.cast(entries.value_rowids(), tf.int32)
        distinct, slots = tf.unique(tf.gather(self._history, entries.flat_values))
        step = self.optimizer.iterations if training else tf.zeros([], tf.int64)
        drawn = tf.random.stateless_uniform(tf.shape(slots), tf.stack([tf.constant(self._seed, tf.int64), step]))
        loss = self._loss(rows, slots, drawn < self._keep_share, distinct, tf.size(users))
        self._mean_loss.update_state(loss)
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def _loss(
        self, rows: tf.Tensor, slots: tf.Tensor, kept: tf.Tensor, distinct: tf.Tensor, readers: tf.Tensor
    ) -> tf.Tensor:
        """Returns the mean loss over users.

        Args:
          rows: `[n]`, the user of each book read.
          slots: `[n]`, the book's index in `distinct`.
          kept: bool `[n]`, whether the book is kept.
          distinct: `[candidates]`, the batch's books, each once.
          readers: number of users.
        """
        kept_rows, kept_slots = tf.boolean_mask(rows, kept), tf.boolean_mask(slots, kept)
        queries = tf.math.l2_normalize(summed(self.query_tower(distinct), kept_rows, kept_slots, readers), axis=-1)
        candidates = tf.math.l2_normalize(self.candidate_tower(distinct), axis=-1)
        # [readers, candidates]
        correction = tf.repeat(-tf.gather(self._log_probability, distinct)[tf.newaxis], readers, axis=0)
        own = tf.where(kept, EXCLUDED, 0.0)
        correction = tf.tensor_scatter_nd_update(correction, tf.stack([rows, slots], axis=1), own)
        logits = tf.matmul(queries, candidates, transpose_b=True) / self._temperature + correction
        wanted = tf.boolean_mask(tf.stack([rows, slots], axis=1), ~kept)
        losses = tf.gather(tf.reduce_logsumexp(logits, axis=1), wanted[:, 0]) - tf.gather_nd(logits, wanted)
        return tf.reduce_sum(losses) / tf.cast(readers, tf.float32)

    def towers(self) -> BookTowers:
        """Returns the current towers."""
        candidates = self.candidate_tower.table()
        lengths = np.maximum(np.linalg.norm(candidates, axis=1, keepdims=True), SHORTEST)
        return BookTowers(self.query_tower.table(), candidates / lengths)
