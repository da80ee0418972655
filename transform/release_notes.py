"""The JSON notes beside the model of a pushed version, which people may have edited: their shape, checked when read."""

from contextlib import suppress
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transform import features
from transform.errors import ReleaseError
from transform.json_files import read_json

Version = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]
Count = Annotated[int, Field(ge=0)]


class _Note(BaseModel):
    """Fields that are not named here are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True)


class ModelFacts(_Note):
    """What Trainer knew."""

    train_interactions: Count | None = None
    heldout_interactions: Count | None = None


class ReleaseNote(_Note):
    """What Pusher knew."""

    pushed_at: str | None = None
    data_sha256: str | None = None
    pseudonym_key_id: str | None = None
    measured: dict[str, Any] | None = None
    serving: dict[str, Any] | None = None


class RollbackNote(_Note):
    """Of a version that a rollback made."""

    copy_of: Version
    rolled_back_from: Version
    rolled_back_at: str


NOTES: Final[dict[str, type[_Note]]] = {
    features.MODEL_FACTS_FILE: ModelFacts,
    features.RELEASE_NOTE_FILE: ReleaseNote,
    features.ROLLBACK_FILE: RollbackNote,
}
"""The shape of each file, by its name inside a version."""


def read_note(folder: str, name: str) -> dict[str, Any]:
    """Returns the content of the note `name` of the version in `folder`; empty where there is none.

    Raises:
      ReleaseError: it is no JSON, or a field of it is not what it must be.
    """
    path = f"{folder}/{name}"
    content = read_json(path)
    if content is None:
        return {}
    try:
        NOTES[name].model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise ReleaseError(
            f"{path}: {field} = {fault['input']!r:.40}: {fault['msg']}. Mend the field, or remove the file."
        ) from error
    return content


def pseudonym_key_id(folder: str) -> str | None:
    """Returns which key made the pseudonyms of the version in `folder`; None where no note tells it, or can be read.

    A run on Kubeflow has no key where it is compiled: Pusher's note knows it there, and not Trainer's facts.
    """
    for name in (features.MODEL_FACTS_FILE, features.RELEASE_NOTE_FILE):
        with suppress(ReleaseError):
            found = (read_json(f"{folder}/{name}") or {}).get(features.PSEUDONYM_KEY_ID)
            if isinstance(found, str) and found:
                return found
    return None
