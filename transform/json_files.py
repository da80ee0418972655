"""Small JSON files, local or remote."""

import json
from typing import Any

from transform import storage
from transform.errors import ReleaseError


def read_json(path: str) -> dict[str, Any] | None:
    """Returns the object in the file `path`, or None where there is no such file.

    Raises:
      ReleaseError: it holds no object in JSON.
    """
    if not storage.exists(path):
        return None
    try:
        content = json.loads(storage.read_bytes(path))
    except (ValueError, OSError) as error:
        raise ReleaseError(f"{path}: cannot be read ({error}). Push again, or roll back to another version.") from error
    if not isinstance(content, dict):
        raise ReleaseError(f"{path}: holds no object: {content!r:.40}. Push again, or roll back to another version.")
    return content


def write_json(content: Any, path: str) -> None:
    """Writes `content` to `path`, in a folder that is made if missing."""
    storage.write_bytes((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode(), path)
