"""The model's hyper-parameters, in a module of their own so that checking a configuration imports nothing heavy."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Temperature = Annotated[float, Field(ge=0.01, le=10)]
Part = Literal["trained", "closed_form", "regression"]


class Hyperparameters(BaseModel):
    """Hyper-parameters of the model and its training. `trainer.fitting.schedule` sets unset ones from the data."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_dim: int = Field(default=256, ge=4, le=1024)
    """Width of the dense part of the vectors."""

    parts: tuple[Part, ...] = ("trained", "closed_form", "regression")
    """Parts that the model may blend: `trained` towers, `closed_form` (shrunk SVD), `regression` (neighbourhood SLIM).
    Model selection on validation chooses the parts and their blend weights."""

    max_compression_loss: float = Field(default=0, ge=0, le=1)
    """Maximum relative loss of Recall@20 on validation for vectors without a sparse part, which any vector index
    accepts; 1: never a sparse part."""

    batch_users: int | None = Field(default=None, ge=2, le=16_384)
    """Batch size in users; unset: 64 or 128, by the number of users."""

    max_epochs: int | None = Field(default=None, ge=1, le=1000)
    """Maximum number of epochs; unset: 40, 20, 10 or 3, by the number of users."""

    patience: int = Field(default=10, ge=1)
    """Epochs without a better Recall@20 on validation before training stops."""

    learning_rate: float = Field(default=0.005, gt=0, le=1)
    """Initial learning rate; it decays linearly to a twentieth."""

    temperatures: tuple[Temperature, ...] = Field(default=(0.1, 0.15), min_length=1, max_length=10)
    """Candidate softmax temperatures, by which the cosine is divided. Validation chooses one; above 10,000 users, the
    first is used."""

    keep_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of a user's books that the query tower sees in a training step; the other books are the targets."""

    max_validation_users: int = Field(default=2_000, ge=1)
    """Maximum number of users in the validation set."""

    top_k: int = Field(default=100, ge=1, le=10_000)
    """Number of recommended books if the request sets no k."""

    index: Literal["exact", "partitioned"] = "exact"
    """Index of the exported model: `exact` scores every book; `partitioned`, for more than a million books, scores only
    the cells nearest to the reader."""

    cells: int | None = Field(default=None, ge=1, le=1_000_000)
    """Number of cells of a partitioned index; unset: four times the square root of the number of books."""

    probed_cells: int | None = Field(default=None, ge=1, le=1_000_000)
    """Number of cells that a partitioned index probes for each reader; unset: as many as hold 4,096 books on
    average."""

    distribution: Literal["auto", "one", "mirrored"] = "auto"
    """Devices that train the towers. `one`: one device; `mirrored`: all accelerators, each with a copy of the tables
    and its own batch of `batch_users` users; `auto`: mirrored if there are several accelerators."""

    seed: int = Field(default=42, ge=0, lt=2**32)
    """Seed of initial weights, shuffling and sampling."""

    @field_validator("parts")
    @classmethod
    def _have_a_dense_one(cls, value: tuple[Part, ...]) -> tuple[Part, ...]:
        if not {"trained", "closed_form"} & set(value):
            raise ValueError("name trained, closed_form or both: without them the vectors have no dense part")
        return value
