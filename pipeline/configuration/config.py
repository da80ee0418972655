"""The typed, validated configuration of a run. Flags override the TOML file, which overrides defaults."""

import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from components.evaluation.evaluation_parameters import EvaluationParameters
from components.serving.serving_budget import ServingBudget
from components.splitting.split_parameters import SplitParameters
from core.addresses import redacted
from core.errors import ConfigurationError
from core.project import ROOT
from pipeline.configuration import number_bounds
from pipeline.configuration.beam import DIRECT, DIRECT_FLAGS, FLINK, beam_arguments
from pipeline.configuration.flags import read_flags
from pipeline.configuration.kubeflow import CREDENTIAL_FAULT, KubeflowParameters
from pipeline.configuration.toml_file import read_toml
from storage import locations
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.parameters import TuningParameters
from transform.vocabulary_parameters import VocabularyParameters

SCHEMA_FILE: Final = ROOT / "data" / "schema" / "schema.pbtxt"

# Fields that do not describe a compiled pipeline: its runs set them one by one, or do not have them.
ONLY_OF_THE_LOCAL_RUNNER: Final = frozenset(
    {"config", "data", "metadata", "pseudonym_key_file", "push_dir", "verbose", "work_dir"}
)


class PipelineConfig(BaseSettings):
    """All settings of a run. Each field is a flag and a key of the TOML file."""

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
    """The reviews: a CSV file or a folder of them (`.csv`, `.csv.gz`). Required, except for compiling."""

    work_dir: Path = Path("work")
    """Folder for artifacts, metadata, logs and, if you bring none, the pseudonym key."""

    push_dir: str = "push"
    """Push folder: TF Serving watches it for versions, which are pushed to `<push dir>/<version>`."""

    keep_versions: int = Field(default=5, ge=0)
    """Number of newest versions kept in the push folder after a push. The newest one is served. 0: all."""

    config: Path | None = None
    """TOML file with any of these fields. Flags override it."""

    pipeline_name: str = Field(default="readalike", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Name of the pipeline in ML Metadata."""

    pseudonym_key_file: Path | None = None
    """File with the pseudonym key. Unset: the environment variable `READALIKE_PSEUDONYM_KEY` or
    `READALIKE_PSEUDONYM_KEY_FILE`, else `<work dir>/pseudonym.key`, which is created if missing."""

    schema_file: Path = SCHEMA_FILE
    """File with the data contract of the reviews."""

    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    """Maximum share of rejected rows. Above it the run stops."""

    max_field_lines: int = Field(default=10, ge=1, le=1000)
    """Maximum number of lines in a quoted field. A row with more is rejected: most likely a quote is missing."""

    zero_rating: Literal["unrated", "rating"] = "rating"
    """Meaning of a rating of 0: the worst `rating`, or `unrated`, as in many public exports."""

    spreadsheet_safe: bool = True
    """Prefix texts in `rejects.csv` with an apostrophe if a spreadsheet would run them as formulas."""

    accept_drift: bool = False
    """Accept drift beyond the data contract. These reviews become the baseline of later runs."""

    max_shrinkage: float = Field(default=0.1, ge=0, le=1)
    """Maximum share of the reviews, users or books that may be missing since the last accepted run."""

    split: SplitParameters = SplitParameters()
    """Which interactions are kept and held out."""

    vocabulary: VocabularyParameters = VocabularyParameters()
    """Which users and books are in the vocabularies and get an id."""

    training: Hyperparameters = Hyperparameters()
    """The two-tower model."""

    tuning: TuningParameters = TuningParameters()
    """The search for better hyper-parameters of the model."""

    evaluation: EvaluationParameters = EvaluationParameters()
    """The evaluation of the model, and the bounds it must meet to be pushed."""

    serving: ServingBudget = ServingBudget()
    """Latency and memory budget of serving."""

    kubeflow: KubeflowParameters = KubeflowParameters()
    """Containers on Kubeflow Pipelines."""

    beam_runner: str = Field(default="FnApiRunner", min_length=1)
    """Beam runner of the data steps. The default is the in-memory runner behind Beam's DirectRunner. If asked for
    `DirectRunner`, Beam first looks for a binary on the network."""

    beam_workers: int | None = Field(default=None, ge=1)
    """Number of workers of a data step: local processes, or Flink's parallelism. Unset: this process alone, or the
    default of the Flink cluster."""

    flink_master: str = Field(default="", pattern=r"^((https?://)?[\w.-]+:\d+)?$")
    """Address of the Flink cluster for `FlinkRunner`, as `host:port`. Empty: a mini-cluster that ends with the run."""

    flink_job_server_jar: Path | None = None
    """Jar of Beam's job server for Flink. Unset: from Beam's cache, and fetched from Maven Central if missing."""

    beam_args: str = ""
    """Further arguments for the Beam runner, as one string in shell syntax."""

    metadata: str = Field(default="", pattern=r"^(mysql://[^/@\s]+@[^/@\s]+/\w+)?$")
    """Database of ML Metadata: `mysql://user:password@host:port/database`. Empty: SQLite in the work folder."""

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
        """Absolute path of the reviews, because components may run in other processes and folders."""
        return _absolute(self.data)

    @property
    def push_location(self) -> str:
        """Absolute path of the push folder."""
        return _absolute(self.push_dir)

    @property
    def beam_pipeline_args(self) -> list[str]:
        """The arguments of every Beam pipeline of the run."""
        jar = self.flink_job_server_jar
        return beam_arguments(
            self.beam_runner,
            self.beam_workers,
            self.flink_master,
            jar.resolve() if jar else None,
            shlex.split(self.beam_args),
        )

    def recorded(self, without: Collection[str] = ()) -> dict[str, Any]:
        """Returns the fields as JSON, except `kubeflow` and those in `without`. No address names a user or password."""
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
        """Returns no environment source, so that command line and file define a run completely."""
        return (init_settings,)


def read_config(
    argv: Sequence[str] | None = None, program: str = "local_runner.py", required: Sequence[str] = ()
) -> PipelineConfig:
    """Returns the configuration from the command line `argv` and the TOML file that it names.

    Args:
      argv: the command line. None: that of this process.
      program: name of the program in the help text.
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
    return location if locations.is_remote(location) else str(Path(location).resolve())


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _flag(names: Sequence[str]) -> str:
    return "--" + ".".join(names).replace("_", "-")


def _faults(error: ValidationError, from_file: dict[str, Any], file: str | None) -> list[str]:
    """Returns a line for each fault of `error`: the flag or key, its value, and the reason."""
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
