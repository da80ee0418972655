"""An iterator that makes its next item in a thread of its own, while the one before is being used."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

Item = TypeVar("Item")

_END: Final = object()


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yields `items`, of which the next one is made while the caller has the last.

    What `items` raises comes out in its turn, after all items before it. Close the iterator where it may be left early
    (`contextlib.closing`): then its thread has ended, with at most one item, or error, that nobody sees.

    Args:
      items: is asked for its items in the thread, never for two at once.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming: Future[Any] = pool.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, items, _END)
            yield item
