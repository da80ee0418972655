"""Headline metrics: custom properties of an artifact, which Kubeflow shows on a run's page."""

import math
from collections.abc import Iterator, Mapping
from typing import Any


def headline(measured: Mapping[str, Any]) -> dict[str, float | str]:
    """Returns the numbers and texts in a tree's leaves, by leaf name; a metric with an interval gives its value."""
    return dict(_leaves(measured))


def describe(artifact: Any, properties: Mapping[str, float | str | None]) -> None:
    """Sets custom properties of `artifact`, except None, NaN and infinity: Kubeflow passes them as JSON."""
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
