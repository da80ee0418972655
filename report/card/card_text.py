"""A model card as Markdown."""

import re
from typing import Any, Final

import jinja2

from core.terminal_text import visible

TEMPLATE: Final = "model_card.md.jinja"

# Characters that start emphasis, code, links, pictures, cells or formulas. `<` and `&` start HTML.
_MARKUP: Final = re.compile(r"[\\`*_~$|\[\]]")
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_markdown(card: dict[str, Any]) -> str:
    """Returns the card of `model_card` as Markdown. Cells are escaped, because genres come from the reviews."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("report.card"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(TEMPLATE).render(card=card)


def _cell(text: str) -> str:
    """Returns `text` escaped for a table cell, so that it does not render as Markdown or HTML."""
    return _MARKUP.sub(r"\\\g<0>", visible(" ".join(text.split()))).translate(_HTML)
