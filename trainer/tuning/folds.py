"""Evaluates hyper-parameters by folds: withholds some books, then selects and fits on the rest as Trainer does.

Model selection uses its own validation set within the remaining books (nested validation). So a fold's Recall@20 is not
the best of many tried on that fold, and hyper-parameters with more candidates gain no unfair advantage. All folds use
the same users but withhold different books. The pipeline's hold-out takes no part.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import tensorflow as tf

from core.errors import DataError
from data.histories import Histories, as_matrix, withheld
from evaluation.metrics import K, Values, recall
from evaluation.ranking import rank
from trainer.hyperparameters import Hyperparameters
from trainer.models.item_item import of_towers, reader_rows
from trainer.selection.model_configuration import fit
from trainer.selection.selection import choose
from trainer.selection.validation import LEAST_BOOKS, WITHHELD_SHARE

# One book is withheld, and the rest must suffice for model selection's own validation.
NEEDED_BOOKS: Final = LEAST_BOOKS + 1


class Folds:
    """Folds over one set of training books; each fold withholds different books."""

    def __init__(self, histories: Histories, books: int, folds: int, most_users: int, seed: int):
        """Chooses the users to evaluate on.

        Args:
          histories: every user's training books.
          books: number of books.
          folds: number of folds.
          most_users: maximum number of users to evaluate on.
          seed: seed of the choice of users and withheld books.

        Raises:
          DataError: no user has enough books.
        """
        users = np.flatnonzero(histories.sizes() >= NEEDED_BOOKS).astype(np.int32)
        if not len(users):
            most = int(histories.sizes().max(initial=0))
            raise DataError(
                f"Too little to tune on: no reader has {NEEDED_BOOKS} training books, the most active one has {most}. "
                "Bring more reviews, or leave --tuning.trials at 0."
            )
        if len(users) > most_users:
            users = np.sort(np.random.default_rng(seed).choice(users, most_users, replace=False))
        self.users = users
        self._histories, self._books = histories, books
        self._seeds = np.random.SeedSequence(seed).generate_state(folds)

    def __len__(self) -> int:
        """The number of folds."""
        return len(self._seeds)

    def recalls(self, fold: int, parameters: Hyperparameters, report: Callable[[float], None] | None = None) -> Values:
        """Returns `[users]`: each user's Recall@20 on the withheld books of `fold`, after training with `parameters`.

        Args:
          fold: number of the fold, from 0.
          parameters: the hyper-parameters to evaluate.
          report: called after each epoch with Recall@20 on the fold's own validation set; an exception ends training.
        """
        left, wanted = withheld(self._histories, self.users, WITHHELD_SHARE, int(self._seeds[fold]))
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(parameters.seed)
        configuration = choose(left, self._books, parameters, None, report).configuration
        item_item = of_towers(fit(left, self._books, configuration, parameters))
        rows = reader_rows(as_matrix(left, self._books))
        found = rank(lambda block: item_item.scores(rows[block]), self.users, left, wanted, self._books, K)
        return recall(found.hits, found.relevant, K)
