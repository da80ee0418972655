"""Two things done at the same time, by threads, where each has times at which it keeps one processor busy."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

SIDES: Final = 2


def side_by_side() -> ThreadPoolExecutor:
    """Returns a pool of two threads, whose end is that of the `with` block that it is used in.

    How many threads linear algebra has is the process's matter, and never that of a pool: pools are nested, and several
    are open at a time. See `transform.tensorflow_settings.one_thread_of_linear_algebra`.
    """
    return ThreadPoolExecutor(SIDES)
