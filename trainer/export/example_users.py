"""Example readers for people who inspect the model and for warm-up requests."""

from typing import Final

import numpy as np

from data.histories import Histories

EXAMPLE_USERS: Final = 12
EXAMPLE_SIZES: Final = (5, 30)


def typical_users(users: list[bytes], histories: Histories) -> list[bytes]:
    """Returns readers whose history fits on a screen, spread over their activity, the middle one first."""
    sizes = histories.sizes()
    typical = np.flatnonzero((sizes >= EXAMPLE_SIZES[0]) & (sizes <= EXAMPLE_SIZES[1]))
    if len(typical) < EXAMPLE_USERS:
        typical = np.flatnonzero(sizes)
    spread = np.unique(np.linspace(0, len(typical) - 1, min(EXAMPLE_USERS, len(typical))).astype(np.int64))
    middle_first = np.argsort(np.abs(spread - len(typical) // 2), kind="stable")
    return [users[user] for user in typical[spread[middle_first]]]
