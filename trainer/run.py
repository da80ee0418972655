"""What TFX's Trainer calls: a table of contents of training."""

from importlib.metadata import version
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from trainer.evaluation import K, evaluate, popularity_scorer
from trainer.export import export, write_json
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Interactions, group_by_user, joined, read_interactions
from trainer.training import STOPPING_METRIC, fit
from trainer.two_tower_model import TwoTowerModel
from trainer.vocabulary import Vocabulary, read_vocabulary
from transform import features
from transform.errors import DataError
from transform.progress import tell


def run_fn(fn_args: Any) -> None:
    """Trains the two towers, measures them, and exports the recommender.

    Args:
      fn_args: TFX's `FnArgs`; its `custom_config` holds `hyperparameters` and `model_facts`.

    Raises:
      DataError: too little has an id to train on.
    """
    parameters = Hyperparameters(**fn_args.custom_config["hyperparameters"])
    tf.keras.utils.set_random_seed(parameters.seed)
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    users, books = (
        read_vocabulary(transformed.vocabulary_file_by_name(name))
        for name in (features.USER_VOCABULARY, features.ISBN_VOCABULARY)
    )
    train, heldout = read_interactions(fn_args.train_files), read_interactions(fn_args.eval_files)
    check_enough(train, heldout, books)
    # Transform also counted the interactions of users whom the vocabulary's limits leave without an id.
    books = Vocabulary(books.tokens, np.bincount(train.books, minlength=len(books)))
    training, wanted = group_by_user(train, len(users)), group_by_user(heldout, len(users))

    model = TwoTowerModel(
        training,
        books.counts,
        embedding_dim=parameters.embedding_dim,
        temperature=parameters.temperature,
        seed=parameters.seed,
    )
    watch = fit(model, train, training, wanted, parameters, fn_args.model_run_dir)

    holdout_users = np.flatnonzero(wanted.sizes()).astype(np.int32)
    measured = evaluate(model.scores, holdout_users, training, wanted)
    popular = evaluate(popularity_scorer(books.counts), holdout_users, training, wanted)
    tell(
        f"Recall@{K} on {len(holdout_users):,} hold-out users: {measured[STOPPING_METRIC]:.4f}; "
        f"popularity {popular[STOPPING_METRIC]:.4f}"
    )
    facts = {
        **(fn_args.custom_config.get("model_facts") or {}),
        "users": len(users),
        "books": len(books),
        "train_interactions": len(train),
        "heldout_interactions": len(heldout),
        "interactions_without_id": train.left_out + heldout.left_out,
        "holdout": measured,
        "popularity": popular,
        "best_epoch": watch.best_epoch,
        "hyperparameters": parameters.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("tfx", "tensorflow", "tensorflow-recommenders")},
    }
    write_json({**facts, "epochs": watch.epochs}, f"{fn_args.model_run_dir}/training.json")
    everything = group_by_user(joined(train, heldout), len(users))
    export(model, users, books, everything, parameters, facts, fn_args.serving_model_dir)


def check_enough(train: Interactions, heldout: Interactions, books: Vocabulary) -> None:
    """Raises DataError if there is too little to train on or to stop by."""
    different_books = len(np.unique(train.books))
    if different_books < 2 or len(heldout) == 0:
        raise DataError(
            f"Too little to train on: {len(train):,} training interactions with {different_books:,} different books, "
            f"{len(heldout):,} held-out ones; {train.left_out + heldout.left_out:,} were left out because the "
            f"vocabularies' limits leave {len(books):,} books. Bring reviews of more books, or lower "
            "--vocabulary.min-book-count, --vocabulary.min-user-count and --split.min-reviews."
        )
