"""The model card's files beside a pushed version."""

import json
from typing import Any, Final

from storage import locations
from transform import features

CARD_FILE: Final = "model_card.json"
CARD_TEXT_FILE: Final = "model_card.md"


def card_notes(card: str) -> dict[str, Any]:
    """Returns both forms of the model card in the folder `card`, by file name inside a pushed version."""
    return {
        features.MODEL_CARD_FILE: json.loads(locations.read_bytes(f"{card}/{CARD_FILE}")),
        features.MODEL_CARD_TEXT_FILE: locations.read_bytes(f"{card}/{CARD_TEXT_FILE}").decode(),
    }
