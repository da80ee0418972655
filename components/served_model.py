"""The model that is served now: the newest version in the push folder."""

from typing import NamedTuple

from trainer.twin import Twin, read_twin
from transform import features
from transform.errors import DataError
from transform.push_folder import PushFolder
from transform.release_notes import pseudonym_key_id


class ServedModel(NamedTuple):
    """What the push folder holds of the newest version."""

    version: str
    twin: Twin | None
    why_not: str
    """Why there is no twin; empty if there is."""

    key_id: str | None = None
    """Tells the pseudonym key of its readers; None: the version does not say, as older ones."""


def read_served_model(push_dir: str) -> ServedModel | None:
    """Returns the newest version in `push_dir`, or None where nothing is served yet."""
    folder = PushFolder(push_dir)
    version = folder.served()
    if version is None:
        return None
    key_id = pseudonym_key_id(folder.path(version))
    try:
        return ServedModel(version, read_twin(f"{folder.path(version)}/{features.TWIN_FILE}"), "", key_id)
    except DataError as error:
        return ServedModel(version, None, str(error), key_id)
