"""Logs messages and the progress of a step for the person who watches a run.

The runner decides what is shown. Advances have their own logger, and a level below everything that is shown by default.
If nobody observes them, as in a worker on another machine, they cost nothing and are not shown.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

LOGGER_NAME: Final = "readalike.progress"
ADVANCES_LOGGER_NAME: Final = "readalike.advances"


class Advance(NamedTuple):
    """A step's progress since its last report."""

    activity: str
    """What the step is doing."""

    total: float
    """The total amount of work, in `unit`."""

    unit: str
    """The unit of work, in the plural; `bytes` are shown as such."""

    by: float = 0
    """The work done since the last advance."""

    begins: bool = False
    """Whether the activity begins or restarts. Parts of an activity may leave this out."""

    over: bool = False
    """Whether the activity has ended, complete or not."""


def tell(message: str) -> None:
    """Logs a message for the person who watches; the runner decides where it is shown."""
    logging.getLogger(LOGGER_NAME).info(message)


def advance(activity: str, total: float, unit: str, by: float) -> None:
    """Logs progress of `activity`. Parts of one activity may log in turn, from several threads.

    Args:
      activity: what is being done.
      total: the total amount of work, over all parts.
      unit: the unit of work, in the plural.
      by: the work that this part has done since it last logged.
    """
    _log(Advance(activity, total, unit, by))


@contextmanager
def track(activity: str, total: float, unit: str) -> Iterator[Callable[[float], None]]:
    """Logs the beginning and end of `activity`. Yields a function that logs the work done since its last call.

    Args:
      activity: what is being done.
      total: the total amount of work.
      unit: the unit of work, in the plural.
    """
    _log(Advance(activity, total, unit, begins=True))
    try:
        yield lambda by: advance(activity, total, unit, by)
    finally:
        _log(Advance(activity, total, unit, over=True))


@contextmanager
def watched(observe: Callable[[Advance], None]) -> Iterator[None]:
    """Passes every advance in this process to `observe`, one at a time."""
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
        except Exception:  # A failing display must not stop the step.
            self.handleError(record)


def _log(told: Advance) -> None:
    logging.getLogger(ADVANCES_LOGGER_NAME).debug(told)
