"""The two-tower model's hyper-parameters. Apart from the code that reads them, so that checking them loads nothing."""

from pydantic import BaseModel, ConfigDict, Field


class Hyperparameters(BaseModel):
    """How the model is built and trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_dim: int = Field(default=64, ge=2, le=1024)
    """Width of both towers' vectors."""

    batch_size: int = Field(default=512, ge=2, le=16_384)
    """Interactions in a step, if there are so many. Each is also a negative for the others of its batch."""

    learning_rate: float = Field(default=0.01, gt=0, le=1)
    """Step size of Adam."""

    temperature: float = Field(default=0.14, ge=0.01, le=10)
    """The cosine is divided by it before the softmax."""

    max_epochs: int = Field(default=20, ge=1, le=1000)
    """Passes over the training interactions at the most."""

    patience: int = Field(default=2, ge=1)
    """Epochs without a better Recall@20 on the held-out interactions before training stops."""

    max_validation_users: int = Field(default=5_000, ge=1)
    """Hold-out users that are asked after each epoch; the final figures come from all of them."""

    top_k: int = Field(default=100, ge=1, le=10_000)
    """Books that the exported model answers with."""

    seed: int = Field(default=42, ge=0, lt=2**32)
    """Seed of initial weights, shuffling and sampling."""
