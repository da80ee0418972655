"""JSON notes beside the model of a pushed version. People may edit them, so their schema is checked when read."""

from contextlib import suppress
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ReleaseError
from storage.json_files import read_json
from transform import features

Version = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]
Count = Annotated[int, Field(ge=0)]


class _Note(BaseModel):
    """A note. Fields that are not declared are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True)


class ModelFacts(_Note):
    """The note that Trainer writes."""

    train_interactions: Count | None = None
    heldout_interactions: Count | None = None


class ReleaseNote(_Note):
    """The note that Pusher writes."""

    pushed_at: str | None = None
    data_sha256: str | None = None
    pseudonym_key_id: str | None = None
    measured: dict[str, Any] | None = None
    serving: dict[str, Any] | None = None


class RollbackNote(_Note):
    """The note that a rollback writes."""

    copy_of: Version
    rolled_back_from: Version
    rolled_back_at: str


NOTES: Final[dict[str, type[_Note]]] = {
    features.MODEL_FACTS_FILE: ModelFacts,
    features.RELEASE_NOTE_FILE: ReleaseNote,
    features.ROLLBACK_FILE: RollbackNote,
}
"""The schema of each note, by file name inside a version."""


def read_note(folder: str, name: str) -> dict[str, Any]:
    """Returns the content of the note `name` of the version in `folder`; empty if there is none.

    Raises:
      ReleaseError: the note is no JSON object, or does not match its schema.
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
    """Returns the id of the key of a version's pseudonyms; None if no readable note has it.

    On Kubeflow a run is compiled without a key, so Pusher's note has the id and Trainer's facts do not.
    """
    for name in (features.MODEL_FACTS_FILE, features.RELEASE_NOTE_FILE):
        with suppress(ReleaseError):
            found = (read_json(f"{folder}/{name}") or {}).get(features.PSEUDONYM_KEY_ID)
            if isinstance(found, str) and found:
                return found
    return None
