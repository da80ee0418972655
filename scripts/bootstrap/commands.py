"""Runs other programs silently, and shows their last lines on failure."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

LAST_LINES: Final = 15


class SetupError(Exception):
    """The environment cannot be set up; the message says why and what to do."""


class Commands:
    """Runs programs and writes their output to one log file.

    Programs inherit the file descriptors `held`. So a lock stays held while a program outlives its killed parent.
    """

    def __init__(self, log: Path, held: Sequence[int] = ()):
        self._log = log
        self._held = tuple(held)

    def run(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Runs `command`.

        Raises:
          SetupError: the command fails; the message has the end of its output.
        """
        words = [str(word) for word in command]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(words)}\n")
            log.flush()
            start = self._log.stat().st_size
            try:
                done = subprocess.run(
                    words,
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=self._held,
                    check=False,
                )
            except OSError as error:
                raise SetupError(f"{words[0]} cannot be started: {error.strerror}.") from error
        if done.returncode != 0:
            printed = self._log.read_bytes()[start:].decode("utf-8", "replace").splitlines()[-LAST_LINES:]
            told = "\n".join(f"    {line}" for line in printed)
            raise SetupError(
                f"{Path(words[0]).name} failed ({done.returncode}):\n{told}\n  All of it is in {self._log}"
            )
