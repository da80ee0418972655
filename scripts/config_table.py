"""Writes the tables of configuration fields into the documents: `python -m scripts.config_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.config import SCHEMA_FILE, PipelineConfig

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
# A section with a document of its own is one line in README.
DOCUMENTS: Final = {"kubeflow": ROOT / "docs" / "kubeflow.md", "tuning": ROOT / "docs" / "tuning.md"}
START: Final = "<!-- configuration: start -->"
END: Final = "<!-- configuration: end -->"


def table(document: Path) -> str:
    """Returns the table of `document` in Markdown: a row a flag, with its key in TOML, its default and its meaning."""
    rows = ["| flag | in the TOML file | default | meaning |", "|---|---|---|---|"]
    told = set()
    for names, field in _leaves(PipelineConfig, ()):
        *section, key = names
        home = DOCUMENTS.get(names[0], README)
        if home == document:
            flag = "--" + ".".join(names).replace("_", "-")
            in_file = f"`[{'.'.join(section)}]` `{key}`" if section else f"`{key}`"
            meaning = " ".join((field.description or "").split())
            rows.append(f"| `{flag}` | {in_file} | {_default(field)} | {meaning} |")
        elif document == README and home not in told:
            told.add(home)
            meaning = f"{PipelineConfig.model_fields[names[0]].description} [The table]({home.relative_to(ROOT)})."
            rows.append(f"| `--{names[0]}.…` | `[{names[0]}]` | | {meaning} |")
    return "\n".join(rows)


def with_table(document: Path) -> str:
    """Returns the text of `document` with the table of today between its two markers."""
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
        value = SCHEMA_FILE.relative_to(README.parent)
    if value is None or value in ("", (), {}):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Rewrites the documents. Returns the exit code."""
    for document in (README, *DOCUMENTS.values()):
        document.write_text(with_table(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
