"""How a program ends: an error of ours, an interrupt, a closed pipe or a full disk becomes a code, not a trace."""

import errno
import os
import select
import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TextIO

from transform.errors import InputError, ReadalikeError
from transform.terminal_text import visible

INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141
"""What a shell reports of a program whose reader went away: 128 and the number of SIGPIPE."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk, or a user's share of it, that is full."""

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
                code = main(*args, **kwargs)
                sys.stdout.flush()
                return code
            except ReadalikeError as error:
                print(visible(f"error: {error}"), file=sys.stderr)
                return error.exit_code
            except KeyboardInterrupt:
                print(f"\n{interrupted}", file=sys.stderr)
                return INTERRUPTED
            except OSError as error:
                if error.errno == errno.EPIPE and _has_no_reader(sys.stdout):
                    _drop_output()
                    return CLOSED_PIPE
                if error.errno not in FULL:
                    raise
                _drop_output()
                place = error.filename or "what this command writes to"
                print(visible(f"error: {place}: {error.strerror}. Make room there, and try again."), file=sys.stderr)
                return InputError.exit_code

        return ended

    return decorate


def _has_no_reader(output: TextIO) -> bool:
    poll = select.poll()
    poll.register(output.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _drop_output() -> None:
    """Lets the interpreter's last flush of the standard output succeed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
