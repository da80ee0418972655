"""Exports towers with the smallest hold-out model that there is, for tests of what the SavedModel answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.histories import Histories
from trainer.export import saved_model as exporting
from trainer.export.holdout_model import HoldoutModel
from trainer.hyperparameters import Hyperparameters
from trainer.models.towers import BookTowers
from transform.vocabulary import Vocabulary


def export_towers(
    folder: Path,
    towers: BookTowers,
    users: Sequence[bytes],
    books: Sequence[bytes],
    histories: Histories,
    top_k: int,
) -> Path:
    """Exports to `folder`, which is replaced if it is there. Returns it."""
    exporting.export(
        towers,
        HoldoutModel(towers, list(books), np.zeros(0, np.uint32)),
        Vocabulary(list(users), np.ones(len(users), np.int64)),
        Vocabulary(list(books), np.bincount(histories.books, minlength=len(books))),
        histories,
        Hyperparameters(top_k=top_k),
        {},
        str(folder),
    )
    return folder
