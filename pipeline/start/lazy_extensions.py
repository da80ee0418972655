"""Defers TFX's extensions, because their import of Google's Vertex AI client is a quarter of TFX's import time."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

EXTENSIONS: Final = "tfx.v1.extensions"


def defer_extensions() -> None:
    """Defers the import of TFX's extensions until their first use. Call it before TFX is imported.

    `importlib.util.LazyLoader` does not work, because TFX's import statement reads an attribute of the extensions.
    """
    if EXTENSIONS in sys.modules:
        return
    stand_in = ModuleType(EXTENSIONS)

    def attribute(name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # `inspect` and pickle read these of every module.
            raise AttributeError(name)
        if sys.modules.get(EXTENSIONS) is stand_in:
            del sys.modules[EXTENSIONS]
        return getattr(import_module(EXTENSIONS), name)

    stand_in.__dict__["__getattr__"] = attribute
    sys.modules[EXTENSIONS] = stand_in
