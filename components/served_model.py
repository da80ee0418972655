"""The model that is served now: the newest version in the push folder."""

from typing import Any, Final, NamedTuple

from trainer.twin import Twin, read_twin
from transform import features
from transform.errors import DataError, ReleaseError
from transform.json_files import read_json
from transform.push_folder import PushFolder

# Among a model's facts.
KEY_ID: Final = "pseudonym_key_id"


class ServedModel(NamedTuple):
    """What the push folder holds of the newest version."""

    version: str
    twin: Twin | None
    why_not: str
    """Why there is no twin; empty if there is."""

    key_id: str | None = None
    """Tells the pseudonym key of its readers; None: the version does not say, as older ones and those of Kubeflow."""


def read_served_model(push_dir: str) -> ServedModel | None:
    """Returns the newest version in `push_dir`, or None where nothing is served yet."""
    folder = PushFolder(push_dir)
    version = folder.served()
    if version is None:
        return None
    key_id = key_id_of(_facts(f"{folder.path(version)}/{features.MODEL_FACTS_FILE}"))
    try:
        return ServedModel(version, read_twin(f"{folder.path(version)}/{features.TWIN_FILE}"), "", key_id)
    except DataError as error:
        return ServedModel(version, None, str(error), key_id)


def key_id_of(facts: dict[str, Any]) -> str | None:
    """Returns the id of the pseudonym key among a model's facts, if they tell it."""
    found = facts.get(KEY_ID)
    return found if isinstance(found, str) and found else None


def _facts(path: str) -> dict[str, Any]:
    """Returns a version's facts; none where the file is missing or damaged: its twin may still be compared with."""
    try:
        return read_json(path) or {}
    except ReleaseError:
        return {}
