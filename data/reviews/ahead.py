"""An iterator that makes its next item in a thread of its own, while the caller uses the current one."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

Item = TypeVar("Item")

_END: Final = object()


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yields `items`. A thread makes the next item while the caller uses the current one.

    An error of `items` is raised in order, after all items before it. If the caller may stop early, close the iterator
    (`contextlib.closing`). That ends the thread, and drops at most one item or error.

    Args:
      items: the iterator. The thread takes its items, one at a time.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming: Future[Any] = pool.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, items, _END)
            yield item
