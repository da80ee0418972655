"""Training on other interactions at the same time, for as many epochs as validation finds best where it leads.

The model that is pushed sees everything, so that nothing can validate it; what is validated is fitted on a part. How
many epochs that takes is the only thing that the other fit has to wait for. A step of the towers is too small for
several processors: two fits side by side take hardly more time than one.
"""

import threading
from typing import Any

import tensorflow as tf

from trainer.book_towers import BookTowers


class Following(tf.keras.callbacks.Callback):
    """Keeps the towers of the epochs that the leading fit found best, and trains no longer than they take.

    The leading fit, in a thread of its own, calls `decide` after each of its epochs and `end` at last.
    """

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()
        self._found_best: list[bool] = []
        self._last: int | None = None
        self._epoch = 0
        self.towers: BookTowers | None = None
        """Those of the best epoch."""

    def decide(self, best: bool) -> None:
        """Tells whether the leading fit's epoch is its best so far."""
        with self._news:
            self._found_best.append(best)
            self._news.notify()

    def end(self, epochs: int) -> None:
        """Tells that the leading fit is over, and how many of its epochs count; none where it failed."""
        with self._news:
            self._last = epochs
            self._news.notify()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers which epoch it is."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops within an epoch that cannot count any more."""
        if self._last is not None and self._epoch >= self._last:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Waits for what the leading fit found of the same epoch."""
        with self._news:
            self._news.wait_for(lambda: len(self._found_best) > epoch or self._last is not None)
            counts = epoch < len(self._found_best) and self._found_best[epoch]
            counts = counts and (self._last is None or epoch < self._last)
        if counts:
            self.towers = self.model.towers()
