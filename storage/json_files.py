"""Small JSON files, local or remote."""

import json
from collections.abc import Iterable
from typing import Any, Final

from core.errors import ReleaseError
from storage import locations

_MOST_LEVELS: Final = 50
_REMEDY: Final = "Restore it from a copy, or remove it."


def read_json(path: str) -> dict[str, Any] | None:
    """Returns the JSON object in the file `path`, or None if there is no such file.

    Raises:
      ReleaseError: the file holds no JSON object, or is nested too deep.
    """
    if not locations.exists(path):
        return None
    try:
        content = json.loads(locations.read_bytes(path))
    except (ValueError, OSError, RecursionError) as error:
        raise ReleaseError(f"{path}: cannot be read ({error}). {_REMEDY}") from error
    if not isinstance(content, dict):
        raise ReleaseError(f"{path}: holds no object: {content!r:.40}. {_REMEDY}")
    if _levels(content) > _MOST_LEVELS:
        raise ReleaseError(f"{path}: is nested deeper than {_MOST_LEVELS} levels. {_REMEDY}")
    return content


def write_json(content: Any, path: str) -> None:
    """Writes `content` as JSON to `path`. Makes the folder if it is missing."""
    locations.write_bytes((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode(), path)


def _levels(content: Any) -> int:
    """Returns the nesting depth of objects and lists, without recursion."""
    levels, level = 0, [content]
    while level := [inner for outer in level for inner in _inside(outer)]:
        levels += 1
    return levels


def _inside(outer: Any) -> Iterable[Any]:
    if isinstance(outer, dict):
        return outer.values()
    return outer if isinstance(outer, list) else ()
