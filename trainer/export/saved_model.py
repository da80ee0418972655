"""Writes the SavedModel and its accompanying files."""

import tempfile
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from data.histories import Histories
from storage.json_files import write_json
from trainer.export.holdout_model import HoldoutModel, write_holdout_model
from trainer.export.index import make_index
from trainer.export.quantised_table import stored
from trainer.export.recommender import Recommender
from trainer.export.warmup import write_warmup
from trainer.hyperparameters import Hyperparameters
from trainer.models.popularity import popularity_for_strangers
from trainer.models.towers import BookTowers
from transform import features
from transform.vocabulary import Vocabulary

# Number of readers, and of books, in the warm-up requests.
WARMUP_USERS: Final = 12


def export(
    towers: BookTowers,
    holdout_model: HoldoutModel,
    users: Vocabulary,
    books: Vocabulary,
    histories: Histories,
    parameters: Hyperparameters,
    facts: dict[str, Any],
    folder: str,
) -> None:
    """Writes the SavedModel of `towers` to `folder`, through a folder beside it, so it appears whole or not at all.

    Args:
      towers: the towers, fitted on all interactions.
      holdout_model: the hold-out model, fitted without the hold-out.
      users: the users by id.
      books: the books by id, each once.
      histories: all books that each user is known to have read.
      parameters: the hyper-parameters.
      facts: content of `features.MODEL_FACTS_FILE`.
      folder: destination of the SavedModel.
    """
    beside = f"{folder.rstrip('/')}.incomplete"
    if tf.io.gfile.exists(beside):
        tf.io.gfile.rmtree(beside)  # A killed run left it.
    with tempfile.TemporaryDirectory() as temporary:
        user_file = Path(temporary) / f"{features.USER_VOCABULARY}.txt"
        user_file.write_bytes(b"".join(user + b"\n" for user in users.tokens))
        recommender = Recommender(
            str(user_file),
            users.tokens,
            books.tokens,
            towers,
            histories,
            popularity_for_strangers(histories, len(books)),
            parameters.top_k,
            make_index(stored(towers.candidate_table), parameters),
        )
        tf.saved_model.save(recommender, beside, signatures=recommender.signatures())
    write_json(facts, f"{beside}/{features.MODEL_FACTS_FILE}")
    write_holdout_model(holdout_model, f"{beside}/{features.HOLDOUT_MODEL_FILE}")
    write_warmup(
        recommender.example_users(WARMUP_USERS).numpy().tolist(),
        books.tokens[:WARMUP_USERS],
        f"{beside}/{features.WARMUP_FILE}",
    )
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
    tf.io.gfile.rename(beside, folder)
