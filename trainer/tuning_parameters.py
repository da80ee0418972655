"""What the Tuner tries, and how long. Apart from the code that tries it, so that checking it loads nothing."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from trainer.hyperparameters import Hyperparameters

# What a search leaves in the folder of its study: everything, and what was found as a configuration.
BEST_FILE: Final = "best.json"
BEST_CONFIGURATION: Final = "best.toml"

WHOLE_NUMBERS: Final = frozenset({"embedding_dim", "batch_users", "max_epochs", "patience"})

# What matters only where towers are trained.
OF_TRAINED_TOWERS: Final = frozenset(
    {"batch_users", "max_epochs", "patience", "learning_rate", "temperatures", "keep_share"}
)


class Axis(BaseModel):
    """The values of one hyper-parameter: a range, or some choices."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    low: float | None = None
    """The least value of a range."""

    high: float | None = None
    """The largest value of a range."""

    log: bool = False
    """Whether a range is searched by orders of magnitude."""

    choices: tuple[Any, ...] = ()
    """The values themselves, where they are no range."""

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
        """The values that the configuration names: the ends of the range, or all choices."""
        return self.choices or (self.low, self.high)


class SearchSpace(BaseModel):
    """What is searched: the hyper-parameters that have an axis, or `DEFAULT_AXES` where none has one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    parts: Axis | None = None
    """What the model may be made of; choices."""

    embedding_dim: Axis | None = None
    """Width of the vectors' dense part."""

    batch_users: Axis | None = None
    """Readers in a step."""

    max_epochs: Axis | None = None
    """Passes over the readers at the most."""

    patience: Axis | None = None
    """Epochs without a better validation before training stops."""

    learning_rate: Axis | None = None
    """Step size at the start."""

    temperatures: Axis | None = None
    """What may divide the cosine; choices, each of one or more."""

    keep_share: Axis | None = None
    """Share of a reader's books that the query tower sees in a step."""

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
    """What the Tuner tries, and how long."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    trials: int = Field(default=0, ge=0, le=10_000)
    """Trials in all, the pruned ones among them, the configured hyper-parameters first. 0: the pipeline has no Tuner,
    and `make tune` makes 20."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that make trials at the same time. Each holds the training interactions in memory."""

    folds: int = Field(default=3, ge=2, le=20)
    """How often some books are withheld anew to judge a trial. Each fold costs two trainings."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the search and of the folds."""

    study_dir: str = ""
    """Folder in which trials are kept, so that the next run goes on where this one ended; unset: `<work dir>/tuning`.
    On Kubeflow the folder of a mounted volume; unset: a step that is started anew begins anew."""

    space: SearchSpace = SearchSpace()
    """What is searched. Unset: `parts`, `learning_rate`, `temperatures` and `keep_share`."""

    @field_validator("study_dir")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("name a folder of this machine or of a mounted volume: the trials are in an SQLite file")
        return value
