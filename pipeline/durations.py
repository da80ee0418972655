"""How long each step took in the last run of a work folder, so that the next one can say what to expect."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from transform.json_files import write_json

DURATIONS_FILE: Final = "durations.json"
"""In the work folder."""


class Durations:
    """Seconds by step. A step that was not reached, or did not end, keeps what it took before."""

    def __init__(self, path: Path):
        """Reads what is known.

        Args:
          path: the file; there may be none yet. That it cannot be read or written is not worth stopping a run for.
        """
        self._path = path
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            self.seconds = {str(step): float(seconds) for step, seconds in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self.seconds = {}

    def note(self, step: str, seconds: float) -> None:
        """Keeps what `step` took, in the file too."""
        self.seconds[step] = round(seconds, 1)
        with suppress(OSError):
            write_json(self.seconds, str(self._path))
