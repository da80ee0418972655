"""Turns our errors, interrupts, closed pipes and full disks into an exit code instead of a traceback."""

import errno
import os
import select
import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TextIO

from core.errors import InputError, ReadalikeError
from core.terminal_text import visible

INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141
"""The shell's exit code for a program whose output pipe was closed: 128 plus the number of SIGPIPE."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers for a full disk and for a user's exhausted quota."""

P = ParamSpec("P")


def with_exit_code(interrupted: str = "interrupted") -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Decorates a program's `main`: prints an error raised on purpose to standard error, and returns its exit code.

    Args:
      interrupted: the message when the user interrupts the program.
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
    """Redirects standard output to the null device, so that the interpreter's last flush succeeds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
