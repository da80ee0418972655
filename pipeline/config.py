"""The one typed, validated configuration of a run: flags over a TOML file over defaults."""

import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from components.evaluation_parameters import EvaluationParameters
from components.serving_budget import ServingBudget
from components.split_parameters import SplitParameters
from pipeline import number_bounds
from pipeline.beam_runner import DIRECT, DIRECT_FLAGS, FLINK, beam_arguments
from pipeline.flags import read_flags
from pipeline.kubeflow.parameters import CREDENTIAL_FAULT, KubeflowParameters
from pipeline.toml_file import read_toml
from trainer.hyperparameters import Hyperparameters
from trainer.tuning_parameters import TuningParameters
from transform import storage
from transform.addresses import redacted
from transform.errors import ConfigurationError
from transform.vocabularies import VocabularyParameters

SCHEMA_FILE: Final = Path(__file__).resolve().parent.parent / "data" / "schema" / "schema.pbtxt"

# Fields that say nothing of a compiled pipeline: what they are about is given with each run there, or not there at all.
ONLY_OF_THE_LOCAL_RUNNER: Final = frozenset(
    {"config", "data", "metadata", "pseudonym_key_file", "push_dir", "verbose", "work_dir"}
)


class PipelineConfig(BaseSettings):
    """Everything that may differ between two runs. Each field is a flag and a key of the TOML file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        nested_model_default_partial_update=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    data: str = ""
    """The reviews: a CSV file or a folder of them (`.csv`, `.csv.gz`). Needed, except for compiling."""

    work_dir: Path = Path("work")
    """Where artifacts, metadata, logs and, if you bring none, the pseudonym key are kept."""

    push_dir: str = "push"
    """Where models are deployed: `<push dir>/<version>`, the folder that TF Serving watches."""

    keep_versions: int = Field(default=5, ge=0)
    """How many versions stay in the push folder after a push, the newest, of which the last is served. 0: all."""

    config: Path | None = None
    """A TOML file with any of these fields; a flag wins over it."""

    pipeline_name: str = Field(default="readalike", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Name under which ML Metadata files the runs."""

    pseudonym_key_file: Path | None = None
    """File with the key of the users' pseudonyms. Unset: the environment's `READALIKE_PSEUDONYM_KEY` or
    `READALIKE_PSEUDONYM_KEY_FILE`, else `<work dir>/pseudonym.key`, made if missing."""

    schema_file: Path = SCHEMA_FILE
    """The data contract that the reviews must keep."""

    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    """Share of rows that may be unusable before the run stops."""

    max_field_lines: int = Field(default=10, ge=1, le=1000)
    """How many lines a quoted field of the reviews may have. A row with more is rejected: rather a quote was lost."""

    zero_rating: Literal["unrated", "rating"] = "rating"
    """What a rating of 0 is: the worst rating, or none, as in many public exports."""

    spreadsheet_safe: bool = True
    """Put an apostrophe before texts in `rejects.csv` that a spreadsheet would run as formulas."""

    accept_drift: bool = False
    """Accept that the data differ from the last run's by more than the contract allows, and compare with them from now
    on."""

    max_shrinkage: float = Field(default=0.1, ge=0, le=1)
    """Share of the reviews, of the readers or of the books that may be gone since the last accepted run."""

    split: SplitParameters = SplitParameters()
    """Which interactions are kept and held out."""

    vocabulary: VocabularyParameters = VocabularyParameters()
    """Which users and books get an id."""

    training: Hyperparameters = Hyperparameters()
    """The two-tower model."""

    tuning: TuningParameters = TuningParameters()
    """The search for better hyper-parameters of the model."""

    evaluation: EvaluationParameters = EvaluationParameters()
    """How the model is measured, and what it must reach to be pushed."""

    serving: ServingBudget = ServingBudget()
    """What the model may take where it is served."""

    kubeflow: KubeflowParameters = KubeflowParameters()
    """The pipeline's containers on Kubeflow Pipelines."""

    beam_runner: str = Field(default="FnApiRunner", min_length=1)
    """Beam runner of the data steps. The default is what Beam's DirectRunner comes down to in memory, by its own name:
    asked for as `DirectRunner`, Beam looks for a binary on the network first."""

    beam_workers: int | None = Field(default=None, ge=1)
    """How many workers take part in a data step: processes of this machine, or Flink's parallelism. Unset: this process
    alone, or what the Flink cluster is set to."""

    flink_master: str = Field(default="", pattern=r"^((https?://)?[\w.-]+:\d+)?$")
    """The Flink cluster's address, as `host:port`, for `FlinkRunner`; empty: a mini-cluster that lives as long as the
    run."""

    flink_job_server_jar: Path | None = None
    """Beam's job server for Flink, a jar. Unset: taken from Beam's cache, and fetched from Maven Central if missing."""

    beam_args: str = ""
    """Further arguments for the Beam runner, in one string, as a shell would split them."""

    metadata: str = Field(default="", pattern=r"^(mysql://[^/@\s]+@[^/@\s]+/\w+)?$")
    """Where ML Metadata is kept: `mysql://user:password@host:port/database`; empty: SQLite in the work folder."""

    verbose: bool = False
    """Show the libraries' logs instead of writing them to a file."""

    @field_validator("beam_workers")
    @classmethod
    def _workers_are_counted_by_the_runner(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and (runner := info.data.get("beam_runner")) not in (FLINK, *DIRECT, None):
            raise ValueError(f"{runner} is told its number of workers by a flag of its own, in --beam-args")
        return value

    @field_validator("flink_master", "flink_job_server_jar")
    @classmethod
    def _flink_is_the_runner(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("beam_runner") not in (FLINK, None):
            raise ValueError(f"is for --beam-runner {FLINK} only, and that is {info.data['beam_runner']}")
        return value

    @field_validator("beam_args")
    @classmethod
    def _splits_as_shell_words(cls, value: str, info: ValidationInfo) -> str:
        runner = info.data.get("beam_runner")
        for argument in shlex.split(value):
            if argument.startswith(DIRECT_FLAGS) and runner not in (*DIRECT, None):
                raise ValueError(f"{argument} is for {' and '.join(DIRECT)} only, and --beam-runner is {runner}")
            if argument.startswith("--flink_master"):
                raise ValueError("the cluster is named by --flink-master, because the workers depend on it too")
        return value

    @property
    def data_location(self) -> str:
        """The reviews' path, absolute: components may run in other processes and folders."""
        return _absolute(self.data)

    @property
    def push_location(self) -> str:
        """The push folder's path, absolute."""
        return _absolute(self.push_dir)

    @property
    def beam_pipeline_args(self) -> list[str]:
        """The arguments that every Beam pipeline of the run gets."""
        jar = self.flink_job_server_jar
        return beam_arguments(
            self.beam_runner,
            self.beam_workers,
            self.flink_master,
            jar.resolve() if jar else None,
            shlex.split(self.beam_args),
        )

    def recorded(self, without: Collection[str] = ()) -> dict[str, Any]:
        """Returns all fields but `kubeflow` and those `without` as JSON. No address in it names a user."""
        values = self.model_dump(mode="json", exclude={"kubeflow", *without})
        if values.get("metadata"):
            values["metadata"] = redacted(values["metadata"])
        return values

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leaves the environment out: a run must be readable from its command line and its file."""
        return (init_settings,)


def read_config(
    argv: Sequence[str] | None = None, program: str = "local_runner.py", required: Sequence[str] = ()
) -> PipelineConfig:
    """Returns the configuration that the command line `argv` and the file it names describe.

    Args:
      argv: the command line; None: that of this process.
      program: its name in the help text.
      required: fields that must not be empty.

    Raises:
      ConfigurationError: one or more values are wrong; the message lists all of them.
      SystemExit: `--help`, or a flag that does not exist.
    """
    flags = read_flags(PipelineConfig, sys.argv[1:] if argv is None else argv, program)
    file = flags.get("config")
    from_file = read_toml(Path(file)) if file else {}
    values = _merged(from_file, flags)
    faults = [f"{_flag([name])}: missing; this field has no default." for name in required if not values.get(name)]
    config = None
    try:
        config = PipelineConfig(**values)
        faults += [
            f"{_where(place, from_file, file)} = {value}: {needed}."
            for place, value, needed in number_bounds.faults(config.model_dump())
        ]
    except ValidationError as error:
        faults += _faults(error, from_file, file)
    if config is None or faults:
        raise ConfigurationError("\n  ".join([f"{len(faults)} fault(s) in the configuration:", *faults]))
    return config


def _absolute(location: str) -> str:
    return location if storage.is_remote(location) else str(Path(location).resolve())


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _flag(names: Sequence[str]) -> str:
    return "--" + ".".join(names).replace("_", "-")


def _faults(error: ValidationError, from_file: dict[str, Any], file: str | None) -> list[str]:
    """Returns all faults of `error`: where the value stands, what it is, what is wrong with it."""
    faults = []
    for fault in error.errors():
        names = [str(part) for part in fault["loc"]]
        where = _where(names, from_file, file)
        if fault["type"] == "extra_forbidden":
            faults.append(f"{where}: there is no such field; `--help` lists them.")
        elif fault["type"] == "missing":
            faults.append(f"{where}: missing; this field has no default.")
        elif fault["type"] == CREDENTIAL_FAULT or names == ["metadata"]:  # The value may hold a password.
            faults.append(f"{where}: {fault['msg']}.")
        else:
            value = fault["input"]
            shown = repr(redacted(value)) if isinstance(value, str) else redacted(repr(value))
            faults.append(f"{where} = {shown}: {fault['msg']}.")
    return faults


def _where(names: Sequence[str], from_file: dict[str, Any], file: str | None) -> str:
    return f"{file}: {'.'.join(names)}" if _holds(from_file, names) else _flag(names)


def _holds(tree: Any, names: Sequence[str]) -> bool:
    for name in names:
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True
