"""The two-tower model's hyper-parameters. Apart from the code that reads them, so that checking them loads nothing."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Temperature = Annotated[float, Field(ge=0.01, le=10)]
Part = Literal["trained", "closed_form", "regression"]


class Hyperparameters(BaseModel):
    """How the model is built and trained. What is unset follows from the data, by `trainer.schedule`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_dim: int = Field(default=256, ge=4, le=1024)
    """Width of the vectors' dense part."""

    parts: tuple[Part, ...] = ("trained", "closed_form", "regression")
    """What the model may be made of: trained towers, a closed form, a local regression. Validation decides which take
    part, and with which weights."""

    max_compression_loss: float = Field(default=0, ge=0, le=1)
    """Share of Recall@20 on validation that may be lost for vectors without a sparse part, which any vector index
    takes; 1: never a sparse part."""

    batch_users: int | None = Field(default=None, ge=2, le=16_384)
    """Readers in a step; unset: 64 or 128, by the number of readers."""

    max_epochs: int | None = Field(default=None, ge=1, le=1000)
    """Passes over the readers at the most; unset: 40, 20, 10 or 3, by the number of readers."""

    patience: int = Field(default=10, ge=1)
    """Epochs without a better Recall@20 on validation before training stops."""

    learning_rate: float = Field(default=0.005, gt=0, le=1)
    """Step size at the start; it falls to a twentieth in a straight line."""

    temperatures: tuple[Temperature, ...] = Field(default=(0.1, 0.15), min_length=1, max_length=10)
    """The cosine is divided by one of them before the softmax: by the one that validates best; above 10,000 readers,
    by the first."""

    keep_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of a reader's books that the query tower sees in a step; the others are what it has to find."""

    max_validation_users: int = Field(default=2_000, ge=1)
    """Readers of whose training books some are withheld to choose temperature, epochs and weights."""

    top_k: int = Field(default=100, ge=1, le=10_000)
    """Books that the exported model answers with where a request does not say how many."""

    index: Literal["exact", "partitioned"] = "exact"
    """How the exported model searches: `exact` scores every book; `partitioned`, for more than a million books, only
    those of the cells nearest to the reader."""

    cells: int | None = Field(default=None, ge=1, le=1_000_000)
    """Cells of a partitioned index; unset: four times the square root of the number of books."""

    probed_cells: int | None = Field(default=None, ge=1, le=1_000_000)
    """Cells that a partitioned index looks into for each reader; unset: as many as hold 4,096 books on
    average."""

    distribution: Literal["auto", "one", "mirrored"] = "auto"
    """Devices that train the towers: `one`; `mirrored`: all accelerators, each with a copy of the tables and its own
    `batch_users` readers a step; `auto`: mirrored where there are several accelerators."""

    seed: int = Field(default=42, ge=0, lt=2**32)
    """Seed of initial weights, shuffling and sampling."""

    @field_validator("parts")
    @classmethod
    def _have_a_dense_one(cls, value: tuple[Part, ...]) -> tuple[Part, ...]:
        if not {"trained", "closed_form"} & set(value):
            raise ValueError("name trained, closed_form or both: without them the vectors have no dense part")
        return value
