"""What ServingValidator is told. Apart from the component, so that reading a configuration does not load TFX."""

from pydantic import BaseModel, ConfigDict, Field


class ServingBudget(BaseModel):
    """What a model may take on the machine that validates it, loaded the way a server loads it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_load_seconds: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds until the model is loaded."""

    max_p50_ms: float = Field(default=100.0, gt=0)
    """Milliseconds in which half of the requests for one reader are answered."""

    max_p99_ms: float = Field(default=1000.0, gt=0)
    """Milliseconds in which 99 % of the requests for one reader are answered."""

    max_memory_mib: float = Field(default=4096.0, gt=0)
    """Peak memory of the process that has loaded the model, TensorFlow's own 0.5 GiB included."""

    max_request_memory_mib: float = Field(default=512.0, gt=0)
    """Memory that the heaviest request takes on top: the most active reader, up to ten thousand times."""
