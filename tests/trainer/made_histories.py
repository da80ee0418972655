"""Readers and books for tests of what is fitted on them."""

import numpy as np

from data.histories import Histories, Interactions, group_by_user
from trainer.hyperparameters import Hyperparameters

USERS, BOOKS = 60, 80
FAST = Hyperparameters(
    embedding_dim=8, batch_users=16, max_epochs=3, learning_rate=0.03, temperatures=(0.1, 0.3), seed=6
)


def histories(read: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), len(read))


def checkerboard() -> Histories:
    return histories(np.add.outer(np.arange(USERS), np.arange(BOOKS)) % 2 == 0)


def random_histories() -> Histories:
    """Eight groups with a taste, and some readers without the three books that validation needs."""
    random = np.random.default_rng(2)
    own = np.equal.outer(np.arange(USERS) % 8, np.arange(BOOKS) % 8)
    return histories(random.random((USERS, BOOKS)) < np.where(own, 0.4, 0.05) * (random.random((USERS, 1)) > 0.1))
