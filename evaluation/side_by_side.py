"""Runs two tasks in parallel threads, since each at times uses only one processor."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

SIDES: Final = 2


def side_by_side() -> ThreadPoolExecutor:
    """Returns a pool of two threads, for use in a `with` block, which closes it.

    A pool never sets the number of linear algebra threads, since pools nest and several are open at a time. The process
    sets it: see `core.tensorflow_settings.one_thread_of_linear_algebra`.
    """
    return ThreadPoolExecutor(SIDES)
