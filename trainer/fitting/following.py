"""Trains a following fit in parallel with a leading fit, for the number of epochs that validates best in the latter.

The pushed model is fitted on all interactions, so none are left to validate it. The leading fit uses a part and is
validated on the rest. The following fit waits only for its number of epochs. A step is too small for several
processors, so two parallel fits take hardly more time than one.
"""

import threading
from typing import Any

import tensorflow as tf

from trainer.models.towers import BookTowers


class Following(tf.keras.callbacks.Callback):
    """Keeps the following fit's towers of the leading fit's best epoch, and stops the training after it.

    The leading fit runs in another thread. It calls `decide` after each of its epochs, and `end` when it is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()
        self._found_best: list[bool] = []
        self._last: int | None = None
        self._epoch = 0
        self.towers: BookTowers | None = None
        """The towers of the best epoch."""

    def decide(self, best: bool) -> None:
        """Records whether the leading fit's latest epoch is its best so far."""
        with self._news:
            self._found_best.append(best)
            self._news.notify()

    def end(self, epochs: int) -> None:
        """Records that the leading fit is over, and how many of its epochs count: 0 if it failed."""
        with self._news:
            self._last = epochs
            self._news.notify()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stores the current epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops training within an epoch that no longer counts."""
        if self._last is not None and self._epoch >= self._last:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Waits for the leading fit's result of the same epoch; keeps the towers if it is the best so far."""
        with self._news:
            self._news.wait_for(lambda: len(self._found_best) > epoch or self._last is not None)
            counts = epoch < len(self._found_best) and self._found_best[epoch]
            counts = counts and (self._last is None or epoch < self._last)
        if counts:
            self.towers = self.model.towers()
