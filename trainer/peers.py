"""The peers that the model is measured beside, each tuned on validation readers first."""

import math
from collections.abc import Sequence
from typing import Final

from trainer import baselines
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, Ids, as_matrix, validation_split
from trainer.ranking import Rankings, mean_recall, rank
from trainer.training import K
from trainer.validation import WITHHELD_SHARE
from transform.progress import tell

# As many as choose the model's own recipe by default.
VALIDATION_USERS: Final = Hyperparameters().max_validation_users


def rank_peers(
    peers: Sequence[str], training: Histories, heldout: Histories, users: Ids, books: int, depth: int, seed: int
) -> dict[str, Rankings]:
    """Tunes and fits `peers` on `training` and ranks for `users`. A peer that cannot take so many books is left out.

    Args:
      peers: names in `baselines.GRIDS`.
      training: what to fit on.
      heldout: what to find.
      users: `[n]` hold-out users.
      books: how many books there are.
      depth: length of the rankings.
      seed: of the choice of validation users, and of peers that start at random.

    Returns:
      Rankings by peer.
    """
    found: dict[str, Rankings] = {}
    for name in peers:
        settings = tuned_settings(name, training, books, seed)
        if settings is not None:
            scorer = baselines.fit(name, as_matrix(training, books), settings, seed)
            found[name] = rank(scorer, users, training, heldout, books, depth)
    return found


def tuned_settings(name: str, training: Histories, books: int, seed: int) -> baselines.Settings | None:
    """Returns the settings of a peer that validate best, or None if it cannot take so many books.

    Args:
      name: a key of `baselines.GRIDS`.
      training: what validation users and their withheld books are chosen from.
      books: how many books there are.
      seed: of that choice, and of peers that start at random.
    """
    users, left, out = validation_split(training, 2, VALIDATION_USERS, WITHHELD_SHARE, seed)
    settings, score = baselines.tuned(
        name, as_matrix(left, books), lambda scorer: mean_recall(scorer, users, left, out, books, K), seed
    )
    if math.isnan(score):
        tell(f"{name}: left out, it does not take {books:,} books")
        return None
    tell(f"{name}: {settings}, validation Recall@{K} {score:.4f}")
    return settings
