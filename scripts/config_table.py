"""Writes the tables of configuration fields into the documents: `python -m scripts.config_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.project import ROOT
from pipeline.configuration.config import SCHEMA_FILE, PipelineConfig

CONFIGURATION: Final = ROOT / "docs" / "configuration.md"
# A section with its own document is one row in the main table.
DOCUMENTS: Final = {"kubeflow": ROOT / "docs" / "kubeflow.md", "tuning": ROOT / "docs" / "tuning.md"}
START: Final = "<!-- configuration: start -->"
END: Final = "<!-- configuration: end -->"


def table(document: Path) -> str:
    """Returns the Markdown table of `document`: one row per flag, with its TOML key, default and meaning."""
    rows = ["| flag | in the TOML file | default | meaning |", "|---|---|---|---|"]
    told = set()
    for names, field in _leaves(PipelineConfig, ()):
        *section, key = names
        home = DOCUMENTS.get(names[0], CONFIGURATION)
        if home == document:
            flag = "--" + ".".join(names).replace("_", "-")
            in_file = f"`[{'.'.join(section)}]` `{key}`" if section else f"`{key}`"
            meaning = " ".join((field.description or "").split())
            rows.append(f"| `{flag}` | {in_file} | {_default(field)} | {meaning} |")
        elif document == CONFIGURATION and home not in told:
            told.add(home)
            meaning = f"{PipelineConfig.model_fields[names[0]].description} [The table]({home.name})."
            rows.append(f"| `--{names[0]}.…` | `[{names[0]}]` | | {meaning} |")
    return "\n".join(rows)


def with_table(document: Path) -> str:
    """Returns the text of `document` with the current table between its two markers."""
    before, rest = document.read_text(encoding="utf-8").split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{table(document)}\n{END}{after}"


def _leaves(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, (*path, name))
        else:
            yield (*path, name), field


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value == SCHEMA_FILE:
        value = SCHEMA_FILE.relative_to(ROOT)
    if value is None or value in ("", (), {}):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Rewrites the documents, and returns the exit code."""
    for document in (CONFIGURATION, *DOCUMENTS.values()):
        document.write_text(with_table(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
