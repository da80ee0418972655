"""Whether the served model's twin can be compared with the new one's on today's hold-out, and if not, why."""

from math import sqrt
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.twin import Hashes

HASH_VALUES: Final = 2**32

LEAST_SHARE: Final = 0.01
"""Of the smaller set of interactions, how much the two must share beyond chance. Exports of one week and the next share
nearly all, a catalogue that grew a hundredfold in between still this much; other readers share nothing."""

_DEVIATIONS: Final = 6.0


class KeyIds(NamedTuple):
    """Which pseudonym keys two models were made with; None: the model does not say."""

    served: str | None = None
    new: str | None = None

    @property
    def differ(self) -> bool:
        """Whether both are told, and are not the same."""
        return None not in self and self.served != self.new


class Seen(NamedTuple):
    """Which of today's interactions a served twin was trained on, by their hashes."""

    training: npt.NDArray[np.bool_]
    """`[n]`, of each training interaction."""

    heldout: npt.NDArray[np.bool_]
    """`[m]`, of each held-out one."""

    trained_on: int
    """How many interactions the twin was trained on."""


def seen_by(trained_on: Hashes, training: Hashes, heldout: Hashes) -> Seen:
    """Looks today's interactions up among those that the served twin was trained on."""
    return Seen(np.isin(training, trained_on), np.isin(heldout, trained_on), len(trained_on))


def why_not_comparable(known_books: npt.NDArray[np.bool_], seen: Seen, keys: KeyIds) -> str:
    """Returns why the served twin is no measure for a new model; empty if it is one.

    With another pseudonym key every interaction has another hash, so the twin cannot name the held-out ones that it was
    trained on. The ids of the keys tell that for certain. Where one is missing, the interactions in common tell.

    Args:
      known_books: `[books]`: whether the twin knows each of today's books.
      seen: which of today's interactions the twin was trained on.
      keys: of both models.
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
    """Returns whether two sets of interactions have more in common than two of other readers, or of another key.

    Each pair of 32-bit hashes is equal by chance once in 2^32, so that `today * trained_on / 2^32` matches are to be
    expected of sets that share nothing: 16 of 2^18 interactions each, 233 of a million. They spread as Poisson's
    distribution does, whose deviation is the root of that number. What goes beyond must be `LEAST_SHARE` of the smaller
    set, so that neither growth nor a sample makes two sets strangers, and six deviations, so that chance is no cause.

    Args:
      matches: how many of today's interactions the twin was trained on, by their hashes.
      today: how many of today's interactions were looked up.
      trained_on: how many interactions the twin was trained on.
    """
    by_chance = today * trained_on / HASH_VALUES
    beyond = max(LEAST_SHARE * min(today, trained_on), _DEVIATIONS * sqrt(by_chance))
    return matches > 0 and matches >= by_chance + beyond
