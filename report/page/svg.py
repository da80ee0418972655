"""Draws charts as SVG with colours from the page, so that one drawing works in light mode, dark mode and print."""

import json
from functools import lru_cache
from typing import Any, Final
from xml.etree import ElementTree

import altair as alt
import vl_convert
from markupsafe import Markup

SVG: Final = "http://www.w3.org/2000/svg"
VERSION: Final = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])

# Pixels. The width of a chart on a small phone, so that text is never scaled down.
WIDTH: Final = 340
FONT_SIZE: Final = 12

# Vega describes each mark to assistive technology. Removed, because a chart has one name and a table of its numbers.
ROLES: Final = ("role", "aria-label", "aria-roledescription", "aria-hidden")


def draw(chart: Any, name: str, *, height: int) -> Markup:
    """Draws a chart.

    Args:
      chart: Altair chart. Its colours are custom properties of the page's style sheet, such as `var(--model)`. The
        description of a mark becomes its tooltip.
      name: accessible name of the chart.
      height: total height in pixels, at a width of `WIDTH` pixels.

    Returns:
      An `<svg>` element without style attributes, links or ids.
    """
    sized = chart.properties(
        width=WIDTH, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"), padding=2
    )
    root = ElementTree.fromstring(_drawn(json.dumps(_themed(sized).to_dict())))
    for parent in root.iter():
        for child in list(parent):
            if child.get("class") in ("background", "foreground"):
                parent.remove(child)
    for group in root.iter():
        marks = "role-mark" in (group.get("class") or "")
        for mark in group:
            if marks and (label := mark.get("aria-label")):
                mark.set("data-tip", label)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for attribute in (*ROLES, "class", "font-family", "pointer-events"):
            element.attrib.pop(attribute, None)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"role": "img", "aria-label": name, "class": "chart"})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


@lru_cache(maxsize=64)
def _drawn(specification: str) -> str:
    """Returns a Vega-Lite chart as SVG. Cached, because a local run writes its page twice, mostly unchanged."""
    return vl_convert.vegalite_to_svg(specification, vl_version=VERSION, allowed_base_urls=[])


def _themed(chart: Any) -> Any:
    text = {"labelColor": "var(--ink-2)", "titleColor": "var(--ink-2)", "titleFontWeight": "normal"}
    lines = {"gridColor": "var(--line)", "domainColor": "var(--line-2)", "tickColor": "var(--line-2)"}
    sizes = {"labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE, "labelLimit": 130}
    return (
        chart.configure(background="transparent", font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(**text, **lines, **sizes)
    )
