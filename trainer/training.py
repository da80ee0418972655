"""Fitting the model: shuffled batches, a validation after each epoch, the best epoch's weights in the end."""

import time
from typing import Any, Final

import numpy as np
import tensorflow as tf

from trainer.evaluation import K, evaluate
from trainer.fused_adam import FusedAdam
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, Ids, Interactions
from trainer.two_tower_model import MEAN_LOSS, TwoTowerModel
from transform import features
from transform.progress import tell

STOPPING_METRIC: Final = f"recall_at_{K}"


class ShuffledBatches(tf.keras.utils.Sequence):
    """All interactions once an epoch, in a new order each time. The last, short batch is dropped."""

    def __init__(self, interactions: Interactions, batch_size: int, seed: int):
        super().__init__()
        self._interactions = interactions
        self.batch_size = min(batch_size, len(interactions))
        self._random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        """The number of batches."""
        return len(self._interactions) // self.batch_size

    def __getitem__(self, index: int) -> dict[str, Ids]:
        """Returns batch number `index`."""
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return {features.USER_ID: self._interactions.users[rows], features.BOOK_ID: self._interactions.books[rows]}

    def on_epoch_end(self) -> None:
        """Draws the next epoch's order."""
        self._order = self._random.permutation(len(self._interactions))


class RetrievalEarlyStopping(tf.keras.callbacks.Callback):
    """Ranks for hold-out users after each epoch, stops when that gets no better, and restores the best weights."""

    def __init__(
        self, users: Ids, training: Histories, heldout: Histories, batch_size: int, max_epochs: int, patience: int
    ):
        super().__init__()
        self._batch_size = batch_size
        self._users, self._training, self._heldout = users, training, heldout
        self._max_epochs, self._patience = max_epochs, patience
        self._best_weights: list[np.ndarray] | None = None
        self._started = 0.0
        self.epochs: list[dict[str, Any]] = []
        self.best_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the epoch's clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures, remembers, and decides whether to go on. Adds the measures to `logs` for TensorBoard."""
        logs = {} if logs is None else logs
        measured = evaluate(self.model.scores, self._users, self._training, self._heldout)
        logs["loss"] = logs.pop(MEAN_LOSS, np.nan) / self._batch_size  # The task sums over a batch; a mean says more.
        logs.update(measured)
        better = not self.epochs or measured[STOPPING_METRIC] > self.epochs[self.best_epoch - 1][STOPPING_METRIC]
        seconds = time.monotonic() - self._started
        self.epochs.append({"epoch": epoch + 1, "loss": float(logs["loss"]), **measured, "seconds": seconds})
        if better:
            self.best_epoch = epoch + 1
            self._best_weights = self.model.get_weights()
        elif epoch + 1 - self.best_epoch >= self._patience:
            self.model.stop_training = True
        tell(
            f"epoch {epoch + 1:>2}/{self._max_epochs}: loss {self.epochs[-1]['loss']:.4f}, Recall@{K} "
            f"{measured[STOPPING_METRIC]:.4f}{' (best)' if better else ''}, {seconds:.1f} s"
        )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restores the weights of the best epoch."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


def fit(
    model: TwoTowerModel,
    interactions: Interactions,
    training: Histories,
    heldout: Histories,
    parameters: Hyperparameters,
    log_dir: str,
) -> RetrievalEarlyStopping:
    """Trains `model` until the held-out interactions say that it gets no better.

    Args:
      model: trained in place.
      interactions: what to train on.
      training: the same, by user.
      heldout: what to find, by user.
      parameters: how.
      log_dir: where TensorBoard finds its logs.

    Returns:
      The callback that watched, with what it measured.
    """
    random = np.random.default_rng(parameters.seed)
    users = np.flatnonzero(heldout.sizes()).astype(np.int32)
    if len(users) > parameters.max_validation_users:
        users = np.sort(random.choice(users, parameters.max_validation_users, replace=False))
    batches = ShuffledBatches(interactions, parameters.batch_size, parameters.seed)
    watch = RetrievalEarlyStopping(
        users, training, heldout, batches.batch_size, parameters.max_epochs, parameters.patience
    )
    model.compile(optimizer=FusedAdam(parameters.learning_rate))
    model.fit(
        batches,
        epochs=parameters.max_epochs,
        shuffle=False,
        verbose=0,
        callbacks=[watch, tf.keras.callbacks.TensorBoard(log_dir, profile_batch=0, write_graph=False)],
    )
    return watch
