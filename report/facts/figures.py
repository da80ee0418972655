"""Building blocks of facts: figures, bars and counts."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Base of all facts. Immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="constants")


class Figure(Fact):
    """A measured number."""

    value: float

    low: float | None = None
    """Lower end of the 95 % interval, if any."""

    high: float | None = None
    """Upper end of the 95 % interval, if any."""


class Bar(Fact):
    """One bar of a histogram of numbers or of sizes (1, 2 to 3, 4 to 7 and so on)."""

    low: float
    """Lower bound, inclusive."""

    high: float
    """Upper bound, exclusive; inclusive in the last bar of a histogram of numbers."""

    count: float


class Counted(Fact):
    """One value and its count."""

    name: str
    count: float
