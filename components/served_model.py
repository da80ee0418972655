"""The model that is served now: the newest version in the push folder."""

from typing import NamedTuple

from tfx import v1 as tfx

from trainer.twin import Twin, read_twin
from transform import features
from transform.errors import DataError
from transform.push_folder import is_version


class ServedModel(NamedTuple):
    """What the push folder holds of the newest version."""

    version: str
    twin: Twin | None
    why_not: str
    """Why there is no twin; empty if there is."""


def read_served_model(push_dir: str) -> ServedModel | None:
    """Returns the newest version in `push_dir`, or None where nothing is served yet."""
    fileio = tfx.dsl.io.fileio
    names = fileio.listdir(push_dir) if fileio.exists(push_dir) else []
    versions = [name.rstrip("/") for name in names if is_version(name.rstrip("/"))]
    if not versions:
        return None
    version = max(versions, key=int)
    try:
        return ServedModel(version, read_twin(f"{push_dir.rstrip('/')}/{version}/{features.TWIN_FILE}"), "")
    except DataError as error:
        return ServedModel(version, None, str(error))
