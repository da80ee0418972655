"""Writes the table of configuration fields into README: `python -m scripts.config_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.config import SCHEMA_FILE, PipelineConfig

README: Final = Path(__file__).resolve().parent.parent / "README.md"
START: Final = "<!-- configuration: start -->"
END: Final = "<!-- configuration: end -->"


def table() -> str:
    """Returns the table in Markdown: a row a flag, with its key in the TOML file, its default and its meaning."""
    rows = ["| flag | in the TOML file | default | meaning |", "|---|---|---|---|"]
    for names, field in _leaves(PipelineConfig, ()):
        *section, key = names
        flag = "--" + ".".join(names).replace("_", "-")
        in_file = f"`[{section[0]}]` `{key}`" if section else f"`{key}`"
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{flag}` | {in_file} | {_default(field)} | {meaning} |")
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """Returns the text `readme` with the table of today between its two markers."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{table()}\n{END}{after}"


def _leaves(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, (*path, name))
        else:
            yield (*path, name), field


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value == SCHEMA_FILE:
        value = SCHEMA_FILE.relative_to(README.parent)
    return "unset" if value is None or value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Rewrites README. Returns the exit code."""
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
