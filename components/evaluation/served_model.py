"""The served model: the newest version in the push folder."""

from typing import NamedTuple

from core.errors import DataError
from registry.push_folder import PushFolder
from registry.release_notes import pseudonym_key_id
from trainer.export.holdout_model import HoldoutModel, read_holdout_model
from transform import features


class ServedModel(NamedTuple):
    """The newest version in the push folder."""

    version: str
    holdout_model: HoldoutModel | None
    why_not: str
    """Why there is no hold-out model; empty if there is one."""

    key_id: str | None = None
    """Id of the pseudonym key of its users; None: older versions do not record it."""


def read_served_model(push_dir: str) -> ServedModel | None:
    """Returns the newest version in `push_dir`, or None if nothing is served yet."""
    folder = PushFolder(push_dir)
    version = folder.served()
    if version is None:
        return None
    key_id = pseudonym_key_id(folder.path(version))
    try:
        return ServedModel(
            version, read_holdout_model(f"{folder.path(version)}/{features.HOLDOUT_MODEL_FILE}"), "", key_id
        )
    except DataError as error:
        return ServedModel(version, None, str(error), key_id)
