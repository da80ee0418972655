"""Rejects numbers that are not finite, or too large for the systems that receive them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

LARGEST: Final = 2**31 - 1
"""Maximum of a whole number: Kubernetes takes 32 bits (ML Metadata 64), and no count here needs more."""

# Seeds have their own bounds, because some hashes take larger ones.
_SEED: Final = "seed"


def faults(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yields the path, the value and the requirement of each number in nested `values` that is out of range."""
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
