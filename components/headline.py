"""The few numbers that go with an artifact as its properties, which Kubeflow shows on the page of a run."""

import math
from collections.abc import Iterator, Mapping
from typing import Any


def headline(measured: Mapping[str, Any]) -> dict[str, float | str]:
    """Returns the numbers and texts of a tree by their own names, of what has an interval only the value."""
    return dict(_leaves(measured))


def describe(artifact: Any, properties: Mapping[str, float | str | None]) -> None:
    """Sets custom properties of `artifact`. Kubeflow carries them as JSON: what that cannot hold is left out."""
    for name, value in properties.items():
        if isinstance(value, str):
            artifact.set_string_custom_property(name, value)
        elif value is not None and math.isfinite(value):
            artifact.set_float_custom_property(name, value)


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, float | str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from [(name, value["value"])] if "value" in value else _leaves(value)
        elif isinstance(value, int | float | str):
            yield name, value
