"""How a program ends: the errors of `transform/errors.py`, and an interrupt, become one line and an exit code."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

from transform.errors import ReadalikeError
from transform.terminal_text import visible

INTERRUPTED: Final = 130

P = ParamSpec("P")


def with_exit_code(interrupted: str = "interrupted") -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Decorates a program's `main`: an error raised on purpose is told on standard error, and its code returned.

    Args:
      interrupted: what is told when the user breaks the program off.
    """

    def decorate(main: Callable[P, int]) -> Callable[P, int]:
        @wraps(main)
        def ended(*args: P.args, **kwargs: P.kwargs) -> int:
            try:
                return main(*args, **kwargs)
            except ReadalikeError as error:
                print(visible(f"error: {error}"), file=sys.stderr)
                return error.exit_code
            except KeyboardInterrupt:
                print(f"\n{interrupted}", file=sys.stderr)
                return INTERRUPTED

        return ended

    return decorate
