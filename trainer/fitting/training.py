"""Fits the trained towers: shuffled users, a decaying learning rate, and optional validation after each epoch."""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow as tf

from core.progress import tell, track
from data.histories import Histories
from evaluation.metrics import K
from evaluation.side_by_side import side_by_side
from trainer.fitting.devices import strategy_for
from trainer.fitting.following import Following
from trainer.fitting.rowwise_laprop import RowwiseLaProp
from trainer.fitting.schedule import Schedule
from trainer.hyperparameters import Hyperparameters
from trainer.models.towers import BookTowers
from trainer.models.two_tower import MEAN_LOSS, TwoTowerModel
from transform import features

STOPPING_METRIC: Final = f"recall_at_{K}"
LAST_LEARNING_RATE: Final = 0.05

# Steps that TensorFlow runs per call from Python: a step takes milliseconds, a third of which a call would add.
STEPS_AT_ONCE: Final = 32

# Towers -> Recall@20 on validation.
Validation = Callable[[BookTowers], float]


class Trained(NamedTuple):
    """The result of a fit."""

    towers: BookTowers
    """The towers of the best epoch; without validation, of the last epoch."""

    best_epoch: int
    epochs: list[dict[str, Any]]
    """Loss, seconds and, with validation, Recall@20 of each epoch."""

    follower: BookTowers | None = None
    """The following fit's towers of the same epoch; None without a following fit."""


class RetrievalEarlyStopping(tf.keras.callbacks.Callback):
    """Validates after each epoch, stops when Recall@20 no longer improves, and keeps the best towers."""

    def __init__(
        self,
        validate: Validation | None,
        planned_epochs: int,
        patience: int,
        follower: Following,
    ):
        super().__init__()
        self._validate, self._planned, self._patience = validate, planned_epochs, patience
        self._follower = follower
        self._started = 0.0
        self.epochs: list[dict[str, Any]] = []
        self.best_epoch = 0
        self.best_towers: BookTowers | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the epoch's clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validates, keeps the best towers, and decides whether to stop. Adds the metrics to `logs` for TensorBoard."""
        logs = {} if logs is None else logs
        logs["loss"] = float(logs.pop(MEAN_LOSS, np.nan))
        told = f"epoch {epoch + 1:>2}/{self._planned}: loss {logs['loss']:.3f}"
        better = True
        if self._validate is not None:
            towers = self.model.towers()
            logs[STOPPING_METRIC] = self._validate(towers)
            # Ties go to the later epoch: it has learned from more examples.
            better = not self.epochs or logs[STOPPING_METRIC] >= self.epochs[self.best_epoch - 1][STOPPING_METRIC]
            if better:
                self.best_epoch, self.best_towers = epoch + 1, towers
            elif epoch + 1 - self.best_epoch >= self._patience:
                self.model.stop_training = True
            told += f", validation Recall@{K} {logs[STOPPING_METRIC]:.4f}{' (best)' if better else ''}"
        self._follower.decide(better)
        seconds = time.monotonic() - self._started
        self.epochs.append({"epoch": epoch + 1, **logs, "seconds": seconds})
        tell(f"{told}, {seconds:.1f} s")


def reader_batches(
    histories: Histories, batch_users: int, seed: int, epochs: int, replicas: int = 1
) -> tf.data.Dataset:
    """Returns the batches of all epochs, `user_id` int32 `[batch]`: all users with two or more books, shuffled anew.

    Each epoch drops its last, incomplete batch, and shuffles all users in one operation. TensorFlow's shuffle of single
    users takes seconds per epoch.

    Args:
      histories: every user's training books.
      batch_users: users per batch and replica; an equal share of all users if there are fewer.
      seed: seed of the shuffles.
      epochs: number of epochs.
      replicas: number of replicas that share a batch.
    """
    readers = tf.constant(np.flatnonzero(histories.sizes() >= 2), tf.int32)
    batch = max(min(batch_users, len(readers) // replicas), 1) * replicas
    steps = len(readers) // batch

    @tf.autograph.experimental.do_not_convert
    def order(epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        shuffled = tf.random.experimental.stateless_shuffle(readers, tf.stack([tf.constant(seed, tf.int64), epoch]))
        return {features.USER_ID: tf.reshape(shuffled[: steps * batch], [steps, batch])}

    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.range(epochs).map(order).unbatch().with_options(options)
    return batches.apply(tf.data.experimental.assert_cardinality(epochs * steps))


def train(
    histories: Histories,
    books: int,
    parameters: Hyperparameters,
    schedule: Schedule,
    *,
    embedding_dim: int,
    temperature: float,
    epochs: int | None = None,
    validate: Validation | None = None,
    follower: Histories | None = None,
    log_dir: str | None = None,
) -> Trained:
    """Trains a pair of towers.

    Args:
      histories: every user's training books.
      books: number of all books.
      parameters: learning rate, patience, share of books kept, seed.
      schedule: users per batch, and the epochs over which the learning rate decays.
      embedding_dim: width of the vectors.
      temperature: divides the cosine.
      epochs: number of epochs; None: the schedule's.
      validate: returns Recall@20 of towers on validation; None: train for all `epochs`.
      follower: histories of a following fit, for the best number of epochs; None: no following fit.
      log_dir: TensorBoard's log folder; None: no logs.
    """
    epochs = epochs or schedule.epochs
    following = Following()
    watch = RetrievalEarlyStopping(validate, schedule.epochs, parameters.patience, following)
    callbacks: list[tf.keras.callbacks.Callback] = [watch]
    if log_dir is not None:
        callbacks.append(tf.keras.callbacks.TensorBoard(log_dir, profile_batch=0, write_graph=False))

    def fit(histories: Histories, callbacks: list[tf.keras.callbacks.Callback]) -> TwoTowerModel:
        return _fit(
            histories,
            books,
            parameters,
            schedule,
            callbacks,
            embedding_dim=embedding_dim,
            temperature=temperature,
            epochs=epochs,
        )

    with side_by_side() as pool, track("training", epochs, "epochs") as further:
        callbacks.append(tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: further(1)))
        followed = pool.submit(fit, follower, [following]) if follower is not None else None
        best_epoch = 0
        try:
            model = fit(histories, callbacks)
            best_epoch = watch.best_epoch or len(watch.epochs)
        finally:
            following.end(best_epoch)
        if followed is not None:
            followed.result()
    towers = watch.best_towers or model.towers()
    return Trained(towers, best_epoch, watch.epochs, following.towers)


def _fit(
    histories: Histories,
    books: int,
    parameters: Hyperparameters,
    schedule: Schedule,
    callbacks: list[tf.keras.callbacks.Callback],
    *,
    embedding_dim: int,
    temperature: float,
    epochs: int,
) -> TwoTowerModel:
    """Returns the model after `epochs`, or when a callback stopped it; the other arguments are `train`'s."""
    strategy = strategy_for(parameters.distribution)
    replicas = strategy.num_replicas_in_sync
    batches = reader_batches(histories, schedule.batch_users, parameters.seed, schedule.epochs, replicas)
    rate = tf.keras.optimizers.schedules.PolynomialDecay(
        parameters.learning_rate, len(batches), parameters.learning_rate * LAST_LEARNING_RATE
    )
    with strategy.scope():
        model = TwoTowerModel(
            histories,
            np.bincount(histories.books, minlength=books),
            embedding_dim=embedding_dim,
            temperature=temperature,
            batch_users=batches.element_spec[features.USER_ID].shape[0] // replicas,
            keep_share=parameters.keep_share,
            seed=parameters.seed,
        )
        optimizer = RowwiseLaProp(rate, distinct_rows=replicas == 1)
        optimizer.build(model.trainable_variables)
        # On several devices, Keras runs one step per call, and `train_step` must not be a `tf.function`.
        steps_at_once = 1
        if replicas == 1:
            steps_at_once = STEPS_AT_ONCE
            # The loop traces its body twice, but a `tf.function` once, which saves a third of a small fit.
            model.train_step = tf.function(model.train_step, autograph=False)
        model.compile(optimizer=optimizer, steps_per_execution=steps_at_once)
    model.fit(
        batches,
        steps_per_epoch=len(batches) // schedule.epochs,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return model
