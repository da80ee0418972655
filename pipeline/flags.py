"""The flags of a command line, by the fields of a configuration that they set."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic_settings import BaseSettings, CliSettingsSource, SettingsError

from transform.errors import ConfigurationError


def read_flags(settings: type[BaseSettings], argv: Sequence[str], program: str) -> dict[str, Any]:
    """Returns the values of the flags in `argv`, nested as the fields are.

    Raises:
      ConfigurationError: a value is no list, or no mapping, where it must be one.
      SystemExit: `--help`, or a flag that does not exist.
    """
    try:
        return _read(settings, argv, program)
    except SettingsError as error:
        # The value is not shown: that of an environment variable may be a password.
        raise ConfigurationError(
            f"{_faulty(settings, argv, program)}: cannot be read. Write a list as 0.1,0.2 or as JSON, a mapping as "
            "name=value or as JSON."
        ) from error


def _read(settings: type[BaseSettings], argv: Sequence[str], program: str) -> dict[str, Any]:
    return CliSettingsSource(settings, cli_prog_name=program, cli_parse_args=list(argv))()


def _faulty(settings: type[BaseSettings], argv: Sequence[str], program: str) -> str:
    """Returns the flag that cannot be read by itself: the library's error does not always name it."""
    for flag, *value in (re.split("(?==)", argument, maxsplit=1) for argument in _joined(argv)):
        try:
            _read(settings, [flag + "".join(value)], program)
        except SettingsError:
            return flag
    return "a flag that is said several times"


def _joined(argv: Sequence[str]) -> list[str]:
    """Returns `--flag=value` for each flag, where `argv` may have the value as a word of its own."""
    words: list[str] = []
    for word in argv:
        if word.startswith("--") or not words:
            words.append(word)
        else:
            words[-1] += f"={word}"
    return words
