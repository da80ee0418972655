"""Makes command-line flags from parameter classes, which define each flag, its default and its bounds."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from core.errors import ConfigurationError


def add_flags(parser: argparse.ArgumentParser, *classes: type[BaseModel]) -> None:
    """Adds a flag for each field of `classes` to `parser`. An absent flag sets no value."""
    for parameters in classes:
        for name, field in parameters.model_fields.items():
            _add_flag(parser, name, field)


def read_flags(values: argparse.Namespace, *classes: type[BaseModel]) -> list[Any]:
    """Returns an object of each of `classes` with the values from the command line.

    Raises:
      ConfigurationError: one or more values are wrong; the message lists all of them.
    """
    read: list[Any] = []
    faults: list[str] = []
    for parameters in classes:
        given = {name: value for name, value in vars(values).items() if name in parameters.model_fields}
        try:
            read.append(parameters.model_validate(given))
        except ValidationError as error:
            faults += [_fault(fault) for fault in error.errors()]
    if faults:
        raise ConfigurationError("\n".join([f"{len(faults)} fault(s) on the command line:", *faults]))
    return read


def flags_of(names: Sequence[str], values: argparse.Namespace) -> list[str]:
    """Returns the flags `names` that `values` sets, as `--name=value`."""
    return [
        f"--{name.replace('_', '-')}={value}" for name in names if (value := getattr(values, name, None)) is not None
    ]


def _add_flag(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    text = " ".join((field.description or "").replace("%", "%%").split())
    options: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
    if field.annotation is bool:
        options["action"] = argparse.BooleanOptionalAction
        text += f" Default: {'yes' if field.default else 'no'}."
    elif field.is_required():
        text += " Required."
    elif field.default not in (None, ""):
        text += f" Default: {field.default}."
    else:
        options["metavar"] = name.rsplit("_", 1)[-1].upper()
    parser.add_argument(f"--{name.replace('_', '-')}", help=text, **options)


def _fault(fault: Any) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return f"  {message}."
    flag = "--" + str(fault["loc"][0]).replace("_", "-")
    if fault["type"] == "missing":
        return f"  {flag}: missing; it has no default."
    shown = re.sub(r"//[^/\s]*@", "//***@", str(fault["input"]))
    return f"  {flag} = {shown!r}: {message}."
