"""Blocks of readers who read only the books of their block: the books withheld from a reader must come first."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from data.histories import Histories, Interactions, group_by_user
from trainer.export.holdout_model import HoldoutModel
from trainer.export.saved_model import export
from trainer.hyperparameters import Hyperparameters
from trainer.selection.model_configuration import fit
from trainer.selection.selection import choose
from transform.vocabulary import Vocabulary

pytestmark = pytest.mark.integration

BLOCKS, READERS, BOOKS, WITHHELD = 6, 24, 24, 5
USER_NAMES = [f"reader-{number}".encode() for number in range(BLOCKS * READERS)]
BOOK_NAMES = [f"book-{number}".encode() for number in range(BLOCKS * BOOKS)]


def block_pattern(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns bool `[readers, books]`: what was read, and what is withheld of each reader's block."""
    random = np.random.default_rng(seed)
    block = np.kron(np.eye(BLOCKS), np.ones((READERS, BOOKS)))
    order = np.argsort(np.argsort(random.random(block.shape) + 2 * (1 - block), axis=1), axis=1)
    return (block > 0) & (order >= WITHHELD), order < WITHHELD


def histories(read: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), len(read))


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("checkerboard")
    training, parameters = histories(block_pattern(0)[0]), Hyperparameters()
    configuration = choose(training, len(BOOK_NAMES), parameters, str(folder / "logs")).configuration
    towers = fit(training, len(BOOK_NAMES), configuration, parameters)
    export(
        towers,
        HoldoutModel(towers, BOOK_NAMES, np.zeros(0, np.uint32)),
        Vocabulary(USER_NAMES, training.sizes()),
        Vocabulary(BOOK_NAMES, np.bincount(training.books)),
        training,
        parameters,
        {},
        str(folder / "model"),
    )
    return tf.saved_model.load(str(folder / "model")).signatures


def share_with_all_withheld_on_top(isbn: tf.Tensor, withheld: np.ndarray) -> float:
    found = [
        {name.decode() for name in row[:WITHHELD]} == {BOOK_NAMES[book].decode() for book in np.flatnonzero(wanted)}
        for row, wanted in zip(isbn.numpy(), withheld, strict=True)
    ]
    return float(np.mean(found))


def test_by_id(signatures) -> None:
    answer = signatures["serving_default"](user_id=tf.constant(USER_NAMES))
    assert share_with_all_withheld_on_top(answer["isbn"], block_pattern(0)[1]) >= 0.99


def test_by_the_history_of_readers_whom_nobody_knew(signatures) -> None:
    read, withheld = block_pattern(1)
    rows = [[BOOK_NAMES[book] for book in np.flatnonzero(row)] for row in read]
    answer = signatures["recommend_for_history"](isbn=tf.constant(rows))
    assert share_with_all_withheld_on_top(answer["isbn"], withheld) >= 0.99
