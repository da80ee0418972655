"""What InteractionSplitter is told. Apart from the component, so that reading a configuration does not load TFX."""

from pydantic import BaseModel, ConfigDict, Field


class SplitParameters(BaseModel):
    """Which interactions are kept, and which of them are held out."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_reviews: int = Field(default=3, ge=2)
    """Users with fewer different books are dropped. At least 2: one to train on, one to hold out."""

    holdout_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of a hold-out user's books that training does not see (rounded down, at least one)."""

    max_holdout_users: int = Field(default=20_000, ge=1)
    """Cap on hold-out users, so that evaluation costs the same however much the data grows."""

    max_unseen_share: float = Field(default=0.4, ge=0, le=1)
    """Share of the held-out books that nobody's training reviews may have. Above it the reviews are too sparse to learn
    from, and the run stops."""

    seed: int = Field(default=20, ge=0, lt=2**63)
    """Seed of the hash that chooses hold-out users and books."""
