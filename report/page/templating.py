"""Renders templates, style sheet and script into one self-contained page."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from report.page import formatting, wording

TEMPLATES: Final = Path(__file__).parent / "templates"
FORMATS: Final = ("number", "score", "percent", "duration", "milliseconds", "memory", "moment", "day", "setting")


def render(template: str, **values: Any) -> str:
    """Returns a page with its style sheet and script inline.

    Its content security policy allows only these two, by their SHA-256, and no requests. Text in the facts cannot run
    or fetch anything, even if it gets past the escaping.

    Args:
      template: name of a file in `templates/`.
      values: template variables. Everything but `Markup` is escaped.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Returns the template environment with its filters and globals. Cached, so that templates compile once."""
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(formatting, name) for name in FORMATS}
    environment.filters |= {
        "of_measure": wording.of_measure,
        "of_model": wording.of_model,
        "of_count": wording.of_count,
        "plain": wording.plain,
        "flattened": flattened,
    }
    environment.globals |= {
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(style, script),
        "outcomes": wording.OUTCOMES,
    }
    return environment


def flattened(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the path and value of each leaf of a tree; a path looks like `split.seed`."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", None if value == {} else value


def _policy(style: str, script: str) -> str:
    rules = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
