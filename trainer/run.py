"""The entry point of TFX's Trainer: the steps of training in order."""

from importlib.metadata import version
from typing import Any, Final

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from core.errors import DataError
from core.progress import tell
from data.histories import Histories, Interactions, group_by_user, joined, read_interactions
from storage.json_files import write_json
from trainer.export.holdout_model import HoldoutModel, hash_interactions
from trainer.export.saved_model import export
from trainer.fitting.projector import write_projector
from trainer.hyperparameters import Hyperparameters
from trainer.memory_estimate import available_memory, check_memory, estimate
from trainer.models.popularity import popularity_for_strangers
from trainer.selection.model_configuration import as_json, fit
from trainer.selection.selection import choose
from transform import features
from transform.vocabulary import Vocabulary, read_vocabulary

# Share of the training interactions that validation may withhold without a refit of the hold-out model.
NEGLIGIBLE_SHARE: Final = 0.01

TRAINING_FILE: Final = "training.json"


def run_fn(fn_args: Any) -> None:
    """Selects the model configuration, fits the two towers and their hold-out model, and exports the recommender.

    Args:
      fn_args: TFX's `FnArgs`. Its `custom_config` holds `hyperparameters` and `model_facts`. Its `hyperparameters` are
        the Tuner's, if there is one; they override the configured ones.

    Raises:
      DataError: too few interactions have ids to train on.
      ConfigurationError: too little memory, or too few devices.
    """
    parameters = Hyperparameters(**{**fn_args.custom_config["hyperparameters"], **(fn_args.hyperparameters or {})})
    tf.keras.utils.set_random_seed(parameters.seed)
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    users, books = (
        read_vocabulary(transformed.vocabulary_file_by_name(name))
        for name in (features.USER_VOCABULARY, features.ISBN_VOCABULARY)
    )
    train, heldout = read_interactions(fn_args.train_files), read_interactions(fn_args.eval_files)
    check_enough(train, heldout, books)
    # Recount: Transform also counted interactions of users without an id, whom the vocabulary's limits exclude.
    books = Vocabulary(books.tokens, np.bincount(train.books, minlength=len(books)))
    training = group_by_user(train, len(users))
    everything = group_by_user(joined(train, heldout), len(users))
    check_histories(training)

    needed = estimate(len(users), len(books), len(train) + len(heldout), parameters)
    tell(f"training needs about {needed} of memory")
    check_memory(needed, available_memory())
    choice = choose(training, len(books), parameters, fn_args.model_run_dir, everything=everything)
    if choice.towers is not None and choice.withheld_share <= NEGLIGIBLE_SHARE:
        # Validation withheld next to nothing, so a refit would change next to nothing.
        tell("the hold-out model, which does not see the hold-out, is the model that was chosen on validation")
        judged = choice.towers
    else:
        tell("fitting the hold-out model, which does not see the hold-out")
        judged = fit(training, len(books), choice.configuration, parameters)
    holdout_model = HoldoutModel(
        judged,
        books.tokens,
        np.sort(hash_interactions(users.tokens, books.tokens, train)),
        popularity_for_strangers(everything, len(books)),
    )
    tell("fitting on everything")
    towers = fit(everything, len(books), choice.configuration, parameters, choice.warm_start)

    facts = {
        **(fn_args.custom_config.get("model_facts") or {}),
        "users": len(users),
        "books": len(books),
        "train_interactions": len(train),
        "heldout_interactions": len(heldout),
        "interactions_without_id": train.left_out + heldout.left_out,
        "recipe": as_json(choice.configuration),
        "hyperparameters": parameters.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("tfx", "tensorflow", "tensorflow-recommenders")},
    }
    write_json({**facts, "validation": choice.validation}, f"{fn_args.model_run_dir}/{TRAINING_FILE}")
    write_projector(towers.candidate_table, books, fn_args.model_run_dir)
    export(towers, holdout_model, users, books, everything, parameters, facts, fn_args.serving_model_dir)


def check_histories(training: Histories) -> None:
    """Raises DataError if no user has two training books: one as the query and one as the target."""
    most = int(training.sizes().max(initial=0))
    if most < 2:
        raise DataError(
            f"Too little to train on: no reader has more than {most} book left to train on, and two are needed. Bring "
            "more reviews, or raise --split.min-reviews to 3."
        )


def check_enough(train: Interactions, heldout: Interactions, books: Vocabulary) -> None:
    """Raises DataError if fewer than two different training books, or no held-out interactions, are left."""
    different_books = len(np.unique(train.books))
    if different_books < 2 or len(heldout) == 0:
        raise DataError(
            f"Too little to train on: {len(train):,} training interactions with {different_books:,} different books, "
            f"{len(heldout):,} held-out ones; {train.left_out + heldout.left_out:,} were left out: nobody's training "
            f"reviews have their book, or the vocabularies' limits leave {len(books):,} books. Bring reviews of more "
            "books, or lower "
            "--vocabulary.min-book-count, --vocabulary.min-user-count and --split.min-reviews."
        )
