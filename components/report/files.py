"""The files of a report."""

from typing import Final

from components.report.facts import RunFacts
from components.report.page import render_report
from transform import storage

PAGE_FILE: Final = "index.html"
FACTS_FILE: Final = "facts.json"


def write_report(facts: RunFacts, folder: str) -> str:
    """Writes the facts and the page about them into `folder`. Returns the path of the page."""
    page = f"{folder}/{PAGE_FILE}"
    storage.write_bytes((facts.model_dump_json(indent=1) + "\n").encode(), f"{folder}/{FACTS_FILE}")
    storage.write_bytes(render_report(facts).encode(), page)
    return page


def read_facts(folder: str) -> RunFacts:
    """Returns the facts that `write_report` wrote into `folder`."""
    return RunFacts.model_validate_json(storage.read_bytes(f"{folder}/{FACTS_FILE}"))
