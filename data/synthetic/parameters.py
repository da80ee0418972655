"""Parameters of a synthetic data set."""

import math
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ConfigurationError

# A user reviews at most half of the books, and on average at most a quarter.
MAX_SHARE_OF_BOOKS: Final = 0.5
MAX_MEAN_SHARE_OF_BOOKS: Final = 0.25


class SyntheticParameters(BaseModel):
    """Size and seed of a synthetic data set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reviews: int = Field(ge=1, le=10**10)
    """Number of rows of the CSV, at least the number of users and of books."""

    users: int = Field(ge=1, le=10**9)
    """Number of users, each with at least one review."""

    books: int = Field(ge=20, le=10**8)
    """Number of books, each with at least one review."""

    seed: int = Field(default=1, ge=0, lt=2**64)
    """Random seed; the same seed gives the same bytes."""

    @property
    def groups(self) -> int:
        """Number of taste groups, about the number of books in each."""
        return math.isqrt(self.books)

    @property
    def most_per_user(self) -> int:
        """Maximum number of reviews per user."""
        return int(self.books * MAX_SHARE_OF_BOOKS)

    @model_validator(mode="after")
    def _fit_together(self) -> "SyntheticParameters":
        faults = []
        if self.reviews < self.users:
            faults.append(f"{self.reviews:,} reviews are too few for {self.users:,} users: each has at least one")
        if self.reviews < self.books:
            faults.append(f"{self.reviews:,} reviews are too few for {self.books:,} books: each has at least one")
        if self.reviews > self.users * self.books * MAX_MEAN_SHARE_OF_BOOKS:
            faults.append(
                f"{self.reviews:,} reviews are too many for {self.users:,} users of {self.books:,} books: at most "
                f"{MAX_MEAN_SHARE_OF_BOOKS:.0%} of all pairs can be reviewed"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self


def parse_parameters(texts: dict[str, str]) -> SyntheticParameters:
    """Returns the parameters in the texts of the flags.

    Raises:
      ConfigurationError: some values do not fit; the message has a line for each fault.
    """
    try:
        return SyntheticParameters.model_validate(texts)
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            if fault["loc"]:
                name = str(fault["loc"][0])
                lines.append(f"--{name} {texts.get(name, '')}: {fault['msg'].removesuffix('.')}.")
            else:
                lines += [f"{text}." for text in str(fault["ctx"]["error"]).split("; ")]
        raise ConfigurationError("\n".join(lines)) from error
