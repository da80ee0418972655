"""Judging hyper-parameters: withhold some books, choose and fit on the rest as Trainer would, and look for them.

A recipe is chosen on a validation of its own, within what a fold leaves. So a fold's Recall@20 is not that of the best
of many tried on it, and hyper-parameters that leave more to choose from have no advantage by that alone. The readers
are the same in all folds; which of their books are withheld differs. The hold-out of the pipeline takes no part.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import tensorflow as tf

from trainer.choice import choose
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, as_matrix, withheld
from trainer.kernel import of_towers, reader_rows
from trainer.metrics import Values, recall
from trainer.ranking import rank
from trainer.recipe import fit
from trainer.training import K
from trainer.validation import LEAST_BOOKS, WITHHELD_SHARE
from transform.errors import DataError

# One is withheld, and what is left has to suffice for a validation.
NEEDED_BOOKS: Final = LEAST_BOOKS + 1


class Folds:
    """The same training books, of which each fold withholds others."""

    def __init__(self, histories: Histories, books: int, folds: int, most_users: int, seed: int):
        """Chooses the readers.

        Args:
          histories: every reader's training books.
          books: how many books there are.
          folds: how many folds there are.
          most_users: readers who judge, at the most.
          seed: of the choices.

        Raises:
          DataError: no reader has books enough.
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
        """Returns `[users]`: each reader's Recall@20 of what `fold` withholds, after a training with `parameters`.

        Args:
          fold: its number, from 0 on.
          parameters: what is judged.
          report: takes Recall@20 on the validation within the fold after each epoch; what it raises ends the training.
        """
        left, wanted = withheld(self._histories, self.users, WITHHELD_SHARE, int(self._seeds[fold]))
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(parameters.seed)
        recipe = choose(left, self._books, parameters, None, report).recipe
        kernel = of_towers(fit(left, self._books, recipe, parameters))
        rows = reader_rows(as_matrix(left, self._books))
        found = rank(lambda block: kernel.scores(rows[block]), self.users, left, wanted, self._books, K)
        return recall(found.hits, found.relevant, K)
