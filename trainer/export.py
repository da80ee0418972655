"""Writing the SavedModel and the facts that go with it."""

import tempfile
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from trainer.book_towers import BookTowers
from trainer.hyperparameters import Hyperparameters
from trainer.index import make_index
from trainer.interactions import Histories
from trainer.popularity import popularity_for_strangers
from trainer.recommender import Recommender
from trainer.stored_table import stored
from trainer.twin import Twin, write_twin
from trainer.vocabulary import Vocabulary
from trainer.warmup import write_warmup
from transform import features
from transform.json_files import write_json

# Readers, and books, that the warm-up requests ask for.
WARMUP_USERS: Final = 12


def export(
    towers: BookTowers,
    twin: Twin,
    users: Vocabulary,
    books: Vocabulary,
    histories: Histories,
    parameters: Hyperparameters,
    facts: dict[str, Any],
    folder: str,
) -> None:
    """Writes the SavedModel of `towers` to `folder`, beside it first: the folder appears whole or not at all.

    Args:
      towers: fitted on everything.
      twin: its twin, which never saw the hold-out.
      users: the users by id.
      books: the books by id, each once.
      histories: all books that each user is known to have read.
      parameters: the hyper-parameters.
      facts: what is to stand in the file of facts.
      folder: where the SavedModel goes.
    """
    beside = f"{folder.rstrip('/')}.incomplete"
    if tf.io.gfile.exists(beside):
        tf.io.gfile.rmtree(beside)  # What a run that was killed has left.
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
    write_twin(twin, f"{beside}/{features.TWIN_FILE}")
    write_warmup(
        recommender.example_users(WARMUP_USERS).numpy().tolist(),
        books.tokens[:WARMUP_USERS],
        f"{beside}/{features.WARMUP_FILE}",
    )
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
    tf.io.gfile.rename(beside, folder)
