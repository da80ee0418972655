"""ServingValidator's parameters, in a module of their own so that reading a configuration does not import TFX."""

from pydantic import BaseModel, ConfigDict, Field


class ServingBudget(BaseModel):
    """Limits on time and memory of a model that is loaded like in a server, on the machine that validates it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_load_seconds: float = Field(default=60.0, gt=0, le=86_400)
    """Maximum time to load the model, in seconds."""

    max_p50_ms: float = Field(default=100.0, gt=0)
    """Maximum median latency of a request for one reader, in milliseconds."""

    max_p99_ms: float = Field(default=1000.0, gt=0)
    """Maximum 99th-percentile latency of a request for one reader, in milliseconds."""

    max_memory_mib: float = Field(default=4096.0, gt=0)
    """Maximum peak memory of the process that loads the model, in MiB, including TensorFlow's own 0.5 GiB."""

    max_request_memory_mib: float = Field(default=512.0, gt=0)
    """Maximum additional memory of the heaviest request, in MiB: the most active reader, up to 10,000 times."""
