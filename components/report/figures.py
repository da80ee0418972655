"""What facts are made of: figures, bars and counts."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Base of all facts: they are read, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="constants")


class Figure(Fact):
    """A measured number."""

    value: float

    low: float | None = None
    """Lower end of its 95 % interval, where it has one."""

    high: float | None = None
    """Upper end of it."""


class Bar(Fact):
    """One bar of a histogram of numbers, or of sizes: 1, 2 to 3, 4 to 7 and so on."""

    low: float
    """From where, inclusive."""

    high: float
    """To where: exclusive, but inclusive in the last bar of a histogram of numbers."""

    count: float


class Counted(Fact):
    """One value and how often it was seen."""

    name: str
    count: float
