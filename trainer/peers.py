"""The peers that the model is measured beside, each tuned on validation readers first."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer import baselines
from trainer.interactions import Histories, Ids, as_matrix, withheld
from trainer.ranking import Rankings, mean_recall, rank
from trainer.recipe import WITHHELD_SHARE
from trainer.training import K
from transform.progress import tell

VALIDATION_USERS: Final = 2_000


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
    if not peers:
        return found
    candidates = np.flatnonzero(training.sizes() >= 2)
    count = min(VALIDATION_USERS, len(candidates))
    asked = np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False)).astype(np.int32)
    left, out = withheld(training, asked, WITHHELD_SHARE, seed)
    for name in peers:
        settings, score = baselines.tuned(
            name, as_matrix(left, books), lambda scorer: mean_recall(scorer, asked, left, out, K), seed
        )
        if math.isnan(score):
            tell(f"{name}: left out, it does not take {books:,} books")
            continue
        tell(f"{name}: {settings}, validation Recall@{K} {score:.4f}")
        scorer = baselines.fit(name, as_matrix(training, books), settings, seed)
        found[name] = rank(scorer, users, training, heldout, depth)
    return found
