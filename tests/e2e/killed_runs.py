"""Commands that are killed, without warning, as soon as they say something."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.fork_server import fork_server

_LONGEST_WAIT: Final = 300


def kill_when_said(text: str, argv: Sequence[str], said: Path) -> None:
    """Starts a command in a process that has loaded TFX, and kills it when it has said `text`.

    Args:
      text: what it says once.
      argv: what stands after `python`.
      said: file that gets what it says.
    """
    with said.open("wb") as output:
        process = fork_server().start(argv, stdout=output, stderr=output)
    deadline = time.monotonic() + _LONGEST_WAIT
    try:
        while text not in (so_far := said.read_text(encoding="utf-8", errors="replace")):
            assert process.poll() is None, so_far
            assert time.monotonic() < deadline, so_far
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
