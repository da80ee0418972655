"""A model card as Markdown."""

from typing import Any, Final

import jinja2

TEMPLATE: Final = "model_card.md.jinja"


def as_markdown(card: dict[str, Any]) -> str:
    """Returns the card that `model_card` made, for people. It has no text of users: nothing needs to be escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("components.report"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(TEMPLATE).render(card=card)


def _cell(text: str) -> str:
    """Keeps a text within its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
