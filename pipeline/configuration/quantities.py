"""Parses Kubernetes quantities: `500m`, `2`, `4Gi`."""

from typing import Final

_UNITS: Final = {
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def amount(quantity: str) -> float:
    """Returns `quantity` as a number of CPUs or bytes.

    Raises:
      KeyError: Kubernetes has no such unit.
    """
    number = quantity.rstrip("".join(_UNITS))
    return float(number) * _UNITS[quantity[len(number) :]]
