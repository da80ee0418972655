"""InteractionSplitter's parameters, in a module of their own so that reading a configuration does not import TFX."""

from pydantic import BaseModel, ConfigDict, Field


class SplitParameters(BaseModel):
    """Parameters for keeping interactions and holding some out."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_reviews: int = Field(default=3, ge=2)
    """Minimum number of distinct books; users with fewer are dropped. At least 2: one to train on, one to hold out."""

    holdout_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of a hold-out user's books that are held out (rounded down, at least one)."""

    max_holdout_users: int = Field(default=20_000, ge=1)
    """Maximum number of hold-out users, which bounds the cost of evaluation as the data grows."""

    max_unseen_share: float = Field(default=0.4, ge=0, le=1)
    """Maximum share of held-out interactions whose book is in no training review. Above it the reviews are too sparse
    to learn from, and the run stops."""

    seed: int = Field(default=20, ge=0, lt=2**63)
    """Seed of the hash that selects hold-out users and books."""
