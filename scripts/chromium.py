"""Finds the machine's own Chromium, because the package registry has none."""

import os
import shutil
from typing import Final

VARIABLE: Final = "READALIKE_CHROMIUM"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING: Final = (
    f"no Chromium: install one (Debian: apt-get install chromium), or name its executable in {VARIABLE}; "
    f"looked for {', '.join(NAMES)}"
)


def find_chromium() -> str | None:
    """Returns the path of the executable: that of `READALIKE_CHROMIUM`, else the first of `NAMES` found; else None."""
    named = os.environ.get(VARIABLE)
    return shutil.which(named) if named else next((path for path in map(shutil.which, NAMES) if path), None)


def launch_arguments() -> list[str]:
    """Returns the arguments for Chromium: `--no-sandbox` as root, because its sandbox does not run as root."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
