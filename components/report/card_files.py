"""The two files of a model card, for programs and for people."""

import json
import math
from typing import Any, Final

from components.report.card import model_card
from components.report.card_text import as_markdown
from components.report.facts import RunFacts
from transform import features, storage

CARD_FILE: Final = "model_card.json"
CARD_TEXT_FILE: Final = "model_card.md"


def write_card(facts: RunFacts, folder: str) -> None:
    """Writes the model card into `folder`."""
    card = _without_nan(model_card(facts))
    content = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    storage.write_bytes(content.encode(), f"{folder}/{CARD_FILE}")
    storage.write_bytes(as_markdown(card).encode(), f"{folder}/{CARD_TEXT_FILE}")


def copy_card(source: str, folder: str) -> None:
    """Copies the model card from the folder `source`."""
    for name in (CARD_FILE, CARD_TEXT_FILE):
        storage.copy_file(f"{source}/{name}", f"{folder}/{name}")


def card_notes(card: str) -> dict[str, Any]:
    """Returns both forms of the model card in the folder `card`, by the names of their files in a pushed version."""
    return {
        features.MODEL_CARD_FILE: json.loads(storage.read_bytes(f"{card}/{CARD_FILE}")),
        features.MODEL_CARD_TEXT_FILE: storage.read_bytes(f"{card}/{CARD_TEXT_FILE}").decode(),
    }


def _without_nan(value: Any) -> Any:
    """Returns `value` with null in place of numbers that JSON does not know."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
