"""The two files of a model card: JSON and Markdown."""

import json
import math
from typing import Any

from components.artifacts.card_notes import CARD_FILE, CARD_TEXT_FILE
from report.card.card import model_card
from report.card.card_text import as_markdown
from report.facts.run import RunFacts
from storage import locations


def write_card(facts: RunFacts, folder: str) -> None:
    """Writes the model card into `folder`."""
    card = _without_nan(model_card(facts))
    content = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    locations.write_bytes(content.encode(), f"{folder}/{CARD_FILE}")
    locations.write_bytes(as_markdown(card).encode(), f"{folder}/{CARD_TEXT_FILE}")


def copy_card(source: str, folder: str) -> None:
    """Copies the model card from the folder `source` to `folder`."""
    for name in (CARD_FILE, CARD_TEXT_FILE):
        locations.copy_file(f"{source}/{name}", f"{folder}/{name}")


def _without_nan(value: Any) -> Any:
    """Returns `value` with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
