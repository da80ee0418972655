"""A small exported model for tests that serve it, with names of every kind, and how to break it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy import sparse

from data.histories import Interactions, group_by_user
from tests.trainer.export.exports import export_towers
from trainer.export.recommender import Recommender
from trainer.models.towers import BookTowers

USERS, BOOKS, DIM, WIDTH = 30, 200, 8, 20
USER_NAMES = [f"reader-{number}" for number in range(USERS)]
# The last is no UTF-8: it stands here as `surrogateescape` reads it.
BOOK_NAMES = [
    "Émile",
    'a, "b"',
    "two\nlines",
    "日本",
    *(f"book {number}" for number in range(5, BOOKS)),
    "\udcff\udcfe",
]
HISTORIES = group_by_user(
    Interactions(
        *(axis.astype(np.int32) for axis in np.nonzero(np.random.default_rng(0).random((USERS, BOOKS)) < 0.05))
    ),
    USERS,
)


def export_model(folder: Path, seed: int) -> Path:
    """Exports a model with random vectors to `folder`, which must not be there. Returns it."""
    random = np.random.default_rng(seed)
    near = np.where(random.random((BOOKS, BOOKS)) < 0.01, random.random((BOOKS, BOOKS)), 0).astype(np.float32)
    towers = BookTowers(*random.normal(size=(2, BOOKS, DIM)).astype(np.float32), sparse.csr_matrix(near))
    users = [name.encode() for name in USER_NAMES]
    books = [name.encode("utf-8", "surrogateescape") for name in BOOK_NAMES]
    return export_towers(folder, towers, users, books, HISTORIES, WIDTH)


def twice(recommender: Recommender) -> dict[str, Callable]:
    """Signatures of which one names the best book twice."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="user_id")])
    def planted(user_id: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = recommender.recommend_top(user_id)
        isbn = answer["isbn"]
        return {**answer, "isbn": tf.concat([isbn[:, :1], isbn[:, :1], isbn[:, 2:]], axis=1)}

    recommender.planted = planted
    return {**Recommender.signatures(recommender), "serving_default": planted}


def without_similar_books(recommender: Recommender) -> dict[str, Callable]:
    """Signatures of which one is missing."""
    return {
        name: signature for name, signature in Recommender.signatures(recommender).items() if name != "similar_books"
    }
