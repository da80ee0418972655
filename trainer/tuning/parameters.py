"""The Tuner's parameters, in a module of their own so that checking a configuration imports nothing heavy."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from trainer.hyperparameters import Hyperparameters

# Files of a search in the study's folder: all results, and the best hyper-parameters as a configuration.
BEST_FILE: Final = "best.json"
BEST_CONFIGURATION: Final = "best.toml"

WHOLE_NUMBERS: Final = frozenset({"embedding_dim", "batch_users", "max_epochs", "patience"})

# Hyper-parameters that matter only if trained towers are a part.
OF_TRAINED_TOWERS: Final = frozenset(
    {"batch_users", "max_epochs", "patience", "learning_rate", "temperatures", "keep_share"}
)


class Axis(BaseModel):
    """The search range of one hyper-parameter: a numeric range, or a list of choices."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    low: float | None = None
    """Lower bound of the range."""

    high: float | None = None
    """Upper bound of the range."""

    log: bool = False
    """Whether the range is searched on a logarithmic scale."""

    choices: tuple[Any, ...] = ()
    """The values to try, instead of a range."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Axis":
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("give low and high, or choices, not both")
        elif self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        elif not self.low < self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        elif self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} must be above 0 where log is set")
        return self

    @property
    def named(self) -> tuple[Any, ...]:
        """The values in the configuration: the ends of the range, or all choices."""
        return self.choices or (self.low, self.high)


class SearchSpace(BaseModel):
    """The search space: the hyper-parameters with an axis, or `DEFAULT_AXES` if none has one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    parts: Axis | None = None
    """Sets of parts that the model may use; choices only."""

    embedding_dim: Axis | None = None
    """Width of the dense part of the vectors."""

    batch_users: Axis | None = None
    """Batch size in users."""

    max_epochs: Axis | None = None
    """Maximum number of epochs."""

    patience: Axis | None = None
    """Epochs without a better Recall@20 on validation before training stops."""

    learning_rate: Axis | None = None
    """Initial learning rate."""

    temperatures: Axis | None = None
    """Softmax temperatures; choices only, each a list of one or more."""

    keep_share: Axis | None = None
    """Share of a user's books that the query tower sees in a training step."""

    @field_validator("*")
    @classmethod
    def _holds_what_the_model_takes(cls, axis: Axis | None, info: ValidationInfo) -> Axis | None:
        faults = []
        for value in axis.named if axis else ():
            try:
                Hyperparameters(**{str(info.field_name): value})
            except ValidationError as error:
                faults += [f"{value!r}: {fault['msg']}" for fault in error.errors()]
        if faults:
            raise ValueError("; ".join(faults))
        return axis

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes by hyper-parameter."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: axis for name, axis in given.items() if axis is not None} or dict(DEFAULT_AXES)


DEFAULT_AXES: Final = {
    "parts": Axis(
        choices=(
            ("trained", "closed_form", "regression"),
            ("closed_form", "regression"),
            ("trained", "regression"),
            ("trained", "closed_form"),
        )
    ),
    "learning_rate": Axis(low=0.002, high=0.02, log=True),
    "temperatures": Axis(choices=((0.1,), (0.15,), (0.2,))),
    "keep_share": Axis(low=0.3, high=0.7),
}


class TuningParameters(BaseModel):
    """Parameters of the hyper-parameter search."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    trials: int = Field(default=0, ge=0, le=10_000)
    """Total number of trials, including pruned ones; the first tries the configured hyper-parameters. 0: the pipeline
    has no Tuner, and `make tune` runs 20."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that run trials in parallel. Each holds the training interactions in memory."""

    folds: int = Field(default=3, ge=2, le=20)
    """Number of folds per trial; each withholds different books. Each fold costs two trainings."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the search and of the folds."""

    study_dir: str = ""
    """Folder that stores the trials, so that the next run continues them; unset: `<work dir>/tuning`. On Kubeflow, a
    folder of a mounted volume; unset: a restarted step starts from scratch."""

    space: SearchSpace = SearchSpace()
    """Search space. Unset: `parts`, `learning_rate`, `temperatures` and `keep_share`."""

    @field_validator("study_dir")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("name a folder of this machine or of a mounted volume: the trials are in an SQLite file")
        return value
