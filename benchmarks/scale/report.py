"""Ratios between the parts, and printed tables."""

from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table

from benchmarks.scale.parts import CHECK, NOTEBOOK, PIPELINE, STOCK
from benchmarks.scale.steps import START, WHOLE
from core.terminal_text import PlainConsole

TITLES: Final = {
    PIPELINE: "this pipeline",
    CHECK: "the check by pandas",
    NOTEBOOK: "the notebook's steps",
    STOCK: "the stock chain",
}
LAST_DATA_STEP: Final = "Transform"

# Figures of a step: heading and format.
COLUMNS: Final = {
    "seconds": ("seconds", "{:,.1f}"),
    "cpu_seconds": ("CPU seconds", "{:,.1f}"),
    "peak_mib": ("peak MiB", "{:,.0f}"),
    "peak_sum_mib": ("of all", "{:,.0f}"),
    "rows_per_second": ("rows / s", "{:,.0f}"),
}


def ratios(parts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows that compare two parts: each figure of both, and their ratio.

    The steps up to Transform are Transform and the steps before it, without start and imports.
    """
    found = []
    if PIPELINE in parts and NOTEBOOK in parts:
        ours, theirs = (_whole(parts[name]) for name in (PIPELINE, NOTEBOOK))
        for figure in ("seconds", "cpu_seconds", "peak_mib", "peak_sum_mib"):
            found.append(_ratio("whole run, pipeline / notebook", figure, ours[figure], theirs[figure]))
    if PIPELINE in parts and STOCK in parts:
        ours, theirs = (_up_to_transform(parts[name]) for name in (STOCK, PIPELINE))
        for figure in ("seconds", "cpu_seconds", "peak_mib", "peak_sum_mib"):
            found.append(_ratio("to Transform, stock / pipeline", figure, ours[figure], theirs[figure]))
    return found


def print_part(console: PlainConsole, part: str, measured: Mapping[str, Any], rows: int) -> None:
    """Prints the figures of each step of a part."""
    table = Table(title=f"{TITLES[part]}, {rows:,} rows", title_justify="left")
    table.add_column("step")
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right")
    for step in measured["steps"]:
        if step["step"] == WHOLE:
            table.add_section()
        table.add_row(step["step"], *(_written(step[name], text) for name, (_, text) in COLUMNS.items()))
    console.print(table)
    for name, value in measured.get("found", {}).items():
        counts = value.items() if isinstance(value, dict) else [("", value)]
        written = ", ".join(f"{key} {count:,}".strip() if type(count) is int else str(count) for key, count in counts)
        console.print(f"  {name}: {written}", markup=False)


def print_ratios(console: PlainConsole, found: list[dict[str, Any]]) -> None:
    """Prints the rows of `ratios`."""
    table = Table(title="ratios", title_justify="left")
    for heading in ("of", "figure", "first", "second", "ratio"):
        table.add_column(heading, justify="left" if heading in ("of", "figure") else "right")
    for row in found:
        heading, text = COLUMNS[row["figure"]]
        figures = (_written(row[name], text) for name in ("first", "second"))
        table.add_row(row["of"], heading, *figures, _written(row["ratio"], "{:.2f}"))
    console.print(table)


def _whole(part: Mapping[str, Any]) -> Mapping[str, Any]:
    [whole] = [step for step in part["steps"] if step["step"] == WHOLE]
    return whole


def _up_to_transform(part: Mapping[str, Any]) -> dict[str, float]:
    """Returns total seconds, total CPU seconds and the highest peaks of the steps up to Transform."""
    names = [step["step"] for step in part["steps"]]
    steps = [step for step in part["steps"][: names.index(LAST_DATA_STEP) + 1] if step["step"] != START]
    return {
        **{name: sum(step[name] for step in steps) for name in ("seconds", "cpu_seconds")},
        **{name: max(step[name] for step in steps) for name in ("peak_mib", "peak_sum_mib")},
    }


def _ratio(of: str, figure: str, first: float, second: float) -> dict[str, Any]:
    return {"of": of, "figure": figure, "first": first, "second": second, "ratio": first / second if second else None}


def _written(value: float | None, text: str) -> str:
    return "" if value is None else text.format(value)
