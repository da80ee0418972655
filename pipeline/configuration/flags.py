"""Reads command-line flags into the fields of a configuration."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic_settings import BaseSettings, CliSettingsSource, SettingsError

from core.errors import ConfigurationError


def read_flags(settings: type[BaseSettings], argv: Sequence[str], program: str) -> dict[str, Any]:
    """Returns the values of the flags in `argv`, nested like the fields.

    Raises:
      ConfigurationError: a value must be a list or a mapping, but is not.
      SystemExit: `--help`, or a flag that does not exist.
    """
    try:
        return _read(settings, argv, program)
    except SettingsError as error:
        # The value is not shown, because an environment variable for a container may hold a password.
        raise ConfigurationError(
            f"{_faulty(settings, argv, program)}: cannot be read. Write a list as 0.1,0.2 or as JSON, a mapping as "
            "name=value or as JSON."
        ) from error


def _read(settings: type[BaseSettings], argv: Sequence[str], program: str) -> dict[str, Any]:
    return CliSettingsSource(settings, cli_prog_name=program, cli_parse_args=list(argv))()


def _faulty(settings: type[BaseSettings], argv: Sequence[str], program: str) -> str:
    """Returns the faulty flag, because the library's error does not always name it. Parses each flag separately."""
    for flag, *value in (re.split("(?==)", argument, maxsplit=1) for argument in _joined(argv)):
        try:
            _read(settings, [flag + "".join(value)], program)
        except SettingsError:
            return flag
    return "a flag that is said several times"


def _joined(argv: Sequence[str]) -> list[str]:
    """Returns `argv` with each flag and its value joined into one word, `--flag=value`."""
    words: list[str] = []
    for word in argv:
        if word.startswith("--") or not words:
            words.append(word)
        else:
            words[-1] += f"={word}"
    return words
