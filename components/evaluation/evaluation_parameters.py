"""RetrievalEvaluator's parameters, in a module of their own so that reading a configuration does not import TFX."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EvaluationParameters(BaseModel):
    """Settings of the comparison, and thresholds that a model must reach to be pushed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_recall_loss: float = Field(default=0.05, ge=0, le=1)
    """Maximum relative loss of Recall@20 against the served model (non-inferiority margin). The whole confidence
    interval of the difference must stay above it."""

    min_coverage: float = Field(default=0.05, ge=0, le=1)
    """Minimum catalogue coverage: the share of books recommended to at least one reader. If all lists have fewer places
    than there are books, the share is of the places."""

    min_known_books: float = Field(default=0.95, ge=0, le=1)
    """Minimum share of today's books that the model knows."""

    min_slice_lift: float = Field(default=1.0, ge=0)
    """Minimum Recall@20 in each slice of users by number of books, as a multiple of popularity's Recall@20."""

    min_book_recall: float = Field(default=0.0, ge=0, le=1)
    """Minimum Recall@20 on the held-out books of the head, the torso, the tail, and each large genre."""

    min_index_recall: float = Field(default=0.95, ge=0, le=1)
    """Minimum Recall@100 of a partitioned index against exact search."""

    max_exposure_drift: float = Field(default=0.3, ge=0, le=1)
    """Maximum exposure drift: the share of places in the top-20 lists that moves to other books, compared with the
    served model's lists for the same readers."""

    max_exposure_rise: float = Field(default=0.03, ge=0, le=1)
    """Maximum rise of a book's exposure, the share of top-20 lists that contain it. The rise counts from three times
    the book's own or the average exposure in the served model's lists, whichever is larger. It reveals fake accounts
    that promote a book."""

    max_new_for_strangers: int = Field(default=0, ge=0, le=20)
    """Maximum number of the first 20 books for unknown users that are not among the served model's first 100 for
    them."""

    unusable_served: Literal["refuse", "replace"] = "refuse"
    """What to do if the served model cannot be compared: `refuse` the new model, or let it `replace` the served one."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Number of bootstrap resamples."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the bootstrap."""
