"""Decides whether the served and the new hold-out models can be compared on today's hold-out, and if not, why."""

from math import sqrt
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.export.holdout_model import Hashes

HASH_VALUES: Final = 2**32

LEAST_SHARE: Final = 0.01
"""Minimum overlap beyond chance, as a share of the smaller set of interactions. Exports of successive weeks share
nearly all interactions, and after hundredfold growth still this share; exports of different users share none."""

_DEVIATIONS: Final = 6.0


class KeyIds(NamedTuple):
    """Ids of the pseudonym keys of two models; None: the model does not record one."""

    served: str | None = None
    new: str | None = None

    @property
    def differ(self) -> bool:
        """True if both ids are recorded and differ."""
        return None not in self and self.served != self.new


class Seen(NamedTuple):
    """Masks of today's interactions that the served hold-out model was trained on, matched by hash."""

    training: npt.NDArray[np.bool_]
    """`[n]`: for each training interaction."""

    heldout: npt.NDArray[np.bool_]
    """`[m]`: for each held-out interaction."""

    trained_on: int
    """Number of interactions that the served hold-out model was trained on."""


def seen_by(trained_on: Hashes, training: Hashes, heldout: Hashes) -> Seen:
    """Returns which of today's interactions the served hold-out model was trained on."""
    return Seen(np.isin(training, trained_on), np.isin(heldout, trained_on), len(trained_on))


def why_not_comparable(known_books: npt.NDArray[np.bool_], seen: Seen, keys: KeyIds) -> str:
    """Returns why the served hold-out model cannot be compared with a new one; empty if it can.

    A different pseudonym key changes every hash, so held-out interactions that the model was trained on would go
    unnoticed. Two key ids settle whether the keys differ. If an id is missing, the shared interactions decide.

    Args:
      known_books: `[books]`: True for today's books that the hold-out model knows.
      seen: today's interactions that the hold-out model was trained on.
      keys: key ids of both models.
    """
    if keys.differ:
        return f"was trained under another pseudonym key: its id is {keys.served}, today's {keys.new}"
    if not known_books.any():
        return "knows none of today's books"
    if not shares_interactions(int(seen.training.sum()), len(seen.training), seen.trained_on):
        found = f"{seen.training.sum():,} of {len(seen.training):,}"
        guess = "other readers, or another pseudonym key" if None in keys else "other readers"
        return f"was trained on none of today's interactions, or by chance on a few ({found}): {guess}"
    if seen.heldout.all():
        return "was trained on the whole hold-out: another --split.seed"
    return ""


def shares_interactions(matches: int, today: int, trained_on: int) -> bool:
    """Returns True if two sets of interactions share more than sets of other users, or under another key, would.

    Two 32-bit hashes collide with probability 2^-32. So disjoint sets have `today * trained_on / 2^32` matches in
    expectation: 16 for two sets of 2^18 interactions, 233 for two of a million. The number of matches follows a Poisson
    distribution, whose standard deviation is the square root of its mean. The excess must reach `LEAST_SHARE` of the
    smaller set, a bound that grown or sampled sets still reach. It must also reach six standard deviations, which rules
    out chance.

    Args:
      matches: number of today's interactions whose hash is among the training interactions.
      today: number of today's interactions.
      trained_on: number of interactions that the served hold-out model was trained on.
    """
    by_chance = today * trained_on / HASH_VALUES
    beyond = max(LEAST_SHARE * min(today, trained_on), _DEVIATIONS * sqrt(by_chance))
    return matches > 0 and matches >= by_chance + beyond
