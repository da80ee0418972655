"""The files of a report."""

from typing import Final

from report.facts.run import RunFacts
from report.page.page import render_report
from storage import locations

PAGE_FILE: Final = "index.html"
FACTS_FILE: Final = "facts.json"


def write_report(facts: RunFacts, folder: str) -> str:
    """Writes the facts and their page into `folder`, and returns the path of the page."""
    page = f"{folder}/{PAGE_FILE}"
    locations.write_bytes((facts.model_dump_json(indent=1) + "\n").encode(), f"{folder}/{FACTS_FILE}")
    locations.write_bytes(render_report(facts).encode(), page)
    return page


def read_facts(folder: str) -> RunFacts:
    """Returns the facts that `write_report` wrote into `folder`."""
    return RunFacts.model_validate_json(locations.read_bytes(f"{folder}/{FACTS_FILE}"))
