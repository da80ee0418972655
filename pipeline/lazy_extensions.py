"""TFX without its extensions: they import Google's whole client for Vertex AI, a quarter of the time that TFX takes."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

EXTENSIONS: Final = "tfx.v1.extensions"


def defer_extensions() -> None:
    """Lets TFX's extensions be imported when somebody uses them, and not with TFX. To be called before TFX is imported.

    `importlib.util.LazyLoader` does not do: the statement by which TFX imports them looks at an attribute of theirs.
    """
    if EXTENSIONS in sys.modules:
        return
    stand_in = ModuleType(EXTENSIONS)

    def attribute(name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # What `inspect` and pickle ask every module for.
            raise AttributeError(name)
        if sys.modules.get(EXTENSIONS) is stand_in:
            del sys.modules[EXTENSIONS]
        return getattr(import_module(EXTENSIONS), name)

    stand_in.__dict__["__getattr__"] = attribute
    sys.modules[EXTENSIONS] = stand_in
