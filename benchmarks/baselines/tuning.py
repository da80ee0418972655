"""Tunes the settings of the baselines on validation users."""

import math
from typing import Final

from benchmarks.baselines import models
from core.progress import tell
from data.histories import Histories, as_matrix, validation_split
from evaluation.metrics import K
from evaluation.ranking import mean_recall
from trainer.hyperparameters import Hyperparameters
from trainer.selection.validation import WITHHELD_SHARE

# Default size of the validation set that selects the model configuration.
VALIDATION_USERS: Final = Hyperparameters().max_validation_users


def tuned_settings(name: str, training: Histories, books: int, seed: int) -> models.Settings | None:
    """Returns the settings of a baseline with the best validation recall, or None if it does not take so many books.

    Args:
      name: a key of `models.GRIDS`.
      training: histories from which validation users and their withheld books are drawn.
      books: number of books.
      seed: seed of that draw, and of implicit ALS.
    """
    users, left, out = validation_split(training, 2, VALIDATION_USERS, WITHHELD_SHARE, seed)
    settings, score = models.tuned(
        name, as_matrix(left, books), lambda scorer: mean_recall(scorer, users, left, out, books, K), seed
    )
    if math.isnan(score):
        tell(f"{name}: left out, it does not take {books:,} books")
        return None
    tell(f"{name}: {settings}, validation Recall@{K} {score:.4f}")
    return settings
