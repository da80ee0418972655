"""Numbers that no computer of ours, or none that it asks, could hold."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

LARGEST: Final = 2**31 - 1
"""ML Metadata takes 64 bits, Kubernetes 32: no count of ours needs more."""

# Has bounds of its own, where a hash takes more.
_SEED: Final = "seed"


def faults(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yields the place of each number in nested `values` that is out of range, the number, and what is needed."""
    for name, value in values.items():
        place = (*above, name)
        if isinstance(value, Mapping):
            yield from faults(value, place)
        elif isinstance(value, tuple):
            yield from faults({str(number): each for number, each in enumerate(value)}, place)
        elif isinstance(value, int) and abs(value) > LARGEST and name != _SEED:
            yield place, value, f"Input should be at most {LARGEST:,}"
        elif isinstance(value, float) and not math.isfinite(value):
            yield place, value, "Input should be a finite number"
