"""What is told to the person who watches a run: messages, and how far a step has come.

Both go by loggers, and whoever runs the step decides what is shown. Advances have a logger of their own, and a level
below all that is shown by default: where nobody watches for them, as in a worker on another machine, they cost nothing
and are seen nowhere.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

LOGGER_NAME: Final = "readalike.progress"
ADVANCES_LOGGER_NAME: Final = "readalike.advances"


class Advance(NamedTuple):
    """How much further something has come."""

    activity: str
    """What a step is doing."""

    total: float
    """How much there is to do."""

    unit: str
    """What is counted, in the plural; `bytes` are shown as such."""

    by: float = 0
    """How much was done since the last time."""

    begins: bool = False
    """Whether it begins, or begins anew. Parts of an activity may leave that out."""

    over: bool = False
    """Whether it has ended, with all done or not."""


def tell(message: str) -> None:
    """Tells the person who watches; the runner decides where it is shown."""
    logging.getLogger(LOGGER_NAME).info(message)


def advance(activity: str, total: float, unit: str, by: float) -> None:
    """Tells that `activity` has come further. Parts of one activity may say so by turns, from several threads.

    Args:
      activity: what is being done.
      total: how much there is to do, in all parts.
      unit: what is counted, in the plural.
      by: how much was done since this part said so last.
    """
    _log(Advance(activity, total, unit, by))


@contextmanager
def track(activity: str, total: float, unit: str) -> Iterator[Callable[[float], None]]:
    """Tells when `activity` begins and ends, and yields a function that tells how much further it has come.

    Args:
      activity: what is being done.
      total: how much there is to do.
      unit: what is counted, in the plural.
    """
    _log(Advance(activity, total, unit, begins=True))
    try:
        yield lambda by: advance(activity, total, unit, by)
    finally:
        _log(Advance(activity, total, unit, over=True))


@contextmanager
def watched(observe: Callable[[Advance], None]) -> Iterator[None]:
    """Hands every advance in this process to `observe`, one at a time."""
    logger = logging.getLogger(ADVANCES_LOGGER_NAME)
    handler = _Observer(observe)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


class _Observer(logging.Handler):
    def __init__(self, observe: Callable[[Advance], None]):
        super().__init__(logging.DEBUG)
        self._observe = observe

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._observe(record.msg)  # type: ignore[arg-type]
        except Exception:  # What is shown of a step must not be what stops it.
            self.handleError(record)


def _log(told: Advance) -> None:
    logging.getLogger(ADVANCES_LOGGER_NAME).debug(told)
