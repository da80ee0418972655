"""A model card as Markdown."""

import re
from typing import Any, Final

import jinja2

from transform.terminal_text import visible

TEMPLATE: Final = "model_card.md.jinja"

# What begins emphasis, code, links, pictures, cells or formulas; `<` and `&` begin HTML.
_MARKUP: Final = re.compile(r"[\\`*_~$|\[\]]")
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_markdown(card: dict[str, Any]) -> str:
    """Returns the card that `model_card` made, for people. Genres are from the reviews: what is in cells is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("components.report"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(TEMPLATE).render(card=card)


def _cell(text: str) -> str:
    """Returns what shows `text` as it stands, within its cell of a table, and not as Markdown or HTML."""
    return _MARKUP.sub(r"\\\g<0>", visible(" ".join(text.split()))).translate(_HTML)
