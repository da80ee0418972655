"""Writes the index of all runs in a work folder: `python -m pipeline.commands.report_index --work-dir DIR`."""

import argparse
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from core.errors import ConfigurationError
from core.exit_codes import with_exit_code
from pipeline.local.report import REPORTS
from report.facts.run import RunFacts
from report.page.files import FACTS_FILE, PAGE_FILE, read_facts
from report.page.index import render_index
from storage import locations

DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Writes the index, prints its path, opens it if there is a display, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="report_index", description="Writes and opens the index of all runs.")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), help="the runs' work folder (work)")
    parser.add_argument("--no-open", action="store_true", help="do not open it in a browser")
    arguments = parser.parse_args(argv)
    page = write_index(arguments.work_dir.resolve() / REPORTS)
    print(page)
    if not arguments.no_open and any(os.environ.get(display) for display in DISPLAYS):
        webbrowser.open(page.as_uri())
    return 0


def write_index(reports: Path) -> Path:
    """Writes `index.html` into the folder of all reports, and returns its path.

    Raises:
      ConfigurationError: there is no report in the folder.
    """
    facts = [found for file in sorted(reports.glob(f"*/{FACTS_FILE}")) if (found := _read(file.parent))]
    if not facts:
        raise ConfigurationError(f"{reports}: no run has left a report there. Run first, or name another --work-dir.")
    page = reports / PAGE_FILE
    locations.write_bytes(render_index(facts).encode(), str(page))
    return page


def _read(report: Path) -> RunFacts | None:
    """Returns the facts of a run. If they cannot be read, it prints a message and returns None."""
    try:
        return read_facts(str(report))
    except (OSError, ValidationError) as error:
        print(f"{report}: left out, cannot be read ({type(error).__name__})", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
