"""Two things done at the same time, by threads, where each has times at which it keeps one processor busy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from threadpoolctl import ThreadpoolController

SIDES: Final = 2


@contextmanager
def side_by_side() -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of two threads, and divides the threads of linear algebra between them.

    A library of linear algebra starts as many threads as there are processors, for each that asks it, and they wait
    for each other by spinning: two fits, on two processors, took a tenth more time and a sixth more of the processors'.
    """
    blas = ThreadpoolController().select(user_api="blas")
    threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=max(threads // SIDES, 1)), ThreadPoolExecutor(SIDES) as pool:
        yield pool
