"""Exports towers with the smallest twin that there is, for tests of what the SavedModel answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer import export as exporting
from trainer.book_towers import BookTowers
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories
from trainer.twin import Twin
from trainer.vocabulary import Vocabulary


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
        Twin(towers, list(books), np.zeros(0, np.uint32)),
        Vocabulary(list(users), np.ones(len(users), np.int64)),
        Vocabulary(list(books), np.bincount(histories.books, minlength=len(books))),
        histories,
        Hyperparameters(top_k=top_k),
        {},
        str(folder),
    )
    return folder
