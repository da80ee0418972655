"""The trained towers: a reader is the sum of the books read, and a softmax finds the others among the batch's books.

One example is one reader. Each of the reader's books is kept with probability `keep_share`, or else it is to be found:
the query is the sum of the kept books' vectors, so that there is no table of readers, and one who has no account can be
answered too. The candidates are the books of all readers of the batch. With the query q, the candidate v_j, both of
length 1, and a temperature t, book j's logit is

    z_j = q . v_j / t - log pi_j        pi_j = 1 - (1 - batch / readers) ^ count_j

where pi_j is the probability that the batch has book j (Yi et al., Sampling-bias-corrected neural modeling for large
corpus item recommendations, RecSys 2019). The books to be found go without the correction, and the kept ones do not
compete. The loss is the mean over readers of the sum of -log softmax(z) over the books to be found.

TFRS' Retrieval task takes one positive a row, so the loss stands here: a row with all of a reader's books finds more,
see docs/recommendation-quality.md.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from trainer.book_towers import SHORTEST, BookTowers, summed
from trainer.interactions import Histories
from transform import features

INITIAL_RANGE: Final = 0.05
MEAN_LOSS: Final = "mean_loss"

# What takes a kept book out of the softmax: low enough to vanish, finite so that no gradient becomes NaN.
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
        """Looks the rows up."""
        return self.embedding(ids)

    def table(self) -> npt.NDArray[np.float32]:
        """Returns `[books, embedding_dim]`."""
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
          histories: every reader's training books.
          book_counts: `[books]`, each book's training interactions.
          embedding_dim: width of the vectors.
          temperature: divides the cosine.
          batch_users: readers in a step, of one replica.
          keep_share: probability that the query tower sees a book of a reader.
          seed: of the initial vectors and of what is kept.
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
        """Returns the mean loss of a batch of readers, or what a replica adds to it where several share the step.

        With `training`, other books are kept each step.

        Args:
          inputs: `user_id`, int `[batch]`.
          training: False takes the choice of the first step.
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
        """Returns the mean over readers.

        Args:
          rows: `[n]`, the reader of each book read.
          slots: `[n]`, its place in `distinct`.
          kept: bool `[n]`.
          distinct: `[candidates]`, the batch's books.
          readers: how many there are.
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
        """Returns the towers as they are now."""
        candidates = self.candidate_tower.table()
        lengths = np.maximum(np.linalg.norm(candidates, axis=1, keepdims=True), SHORTEST)
        return BookTowers(self.query_tower.table(), candidates / lengths)
