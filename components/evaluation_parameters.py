"""What RetrievalEvaluator is told. Apart from the component, so that reading a configuration does not load TFX."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Peer = Literal["item_knn", "ease", "implicit_als"]


class EvaluationParameters(BaseModel):
    """How models are compared, and what a model must reach to be pushed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    peers: tuple[Peer, ...] = ()
    """Peers that are tuned and measured beside popularity: `item_knn`, `ease` (up to 12,000 books),
    `implicit_als`. They do not decide anything."""

    max_recall_loss: float = Field(default=0.05, ge=0, le=1)
    """How much of the served model's Recall@20 a new one may lack. The whole interval of the difference must stay above
    that."""

    min_coverage: float = Field(default=0.05, ge=0, le=1)
    """Least share of the books that is recommended to anyone; of the places in all lists, if those are fewer."""

    min_known_books: float = Field(default=0.95, ge=0, le=1)
    """Least share of today's books that the model knows."""

    min_slice_lift: float = Field(default=1.0, ge=0)
    """Least Recall@20 among readers of few, of some and of many books, as a multiple of popularity's."""

    min_book_recall: float = Field(default=0.0, ge=0, le=1)
    """Least Recall@20 among the held-out books of the head, the torso and the tail, and of each large genre."""

    min_index_recall: float = Field(default=0.95, ge=0, le=1)
    """Least share of the best 100 books, found by scoring all, that a partitioned index finds too."""

    max_exposure_drift: float = Field(default=0.3, ge=0, le=1)
    """How much of the places in the lists of 20 may go from some books to others, against the served model's lists for
    the same readers."""

    max_exposure_rise: float = Field(default=0.03, ge=0, le=1)
    """In how large a share of the readers' lists of 20 a book may stand beyond three times the share that it had by the
    served model, or that a book has there on average. Made-up accounts that lift a book show here."""

    max_new_for_strangers: int = Field(default=0, ge=0, le=20)
    """How many of the 20 books that readers without an account get first may be ones that the served model had not
    among its first 100 for them."""

    unusable_served: Literal["refuse", "replace"] = "refuse"
    """What to do when the served model cannot be compared with: refuse the new one, or let it replace the served."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Resamples of the bootstrap."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the bootstrap."""
