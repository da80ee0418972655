"""Reads a TOML file, with error messages for its author."""

import sys
from pathlib import Path
from typing import Any

from core.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """Returns the content of the TOML file `path`.

    Raises:
      ConfigurationError: the file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the configuration file cannot be read ({error.strerror}). Name a file that can with --config."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: the configuration file is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f'{path}: the configuration file is not valid TOML: {error}. Text needs quotes, as in name = "value".'
        ) from error
