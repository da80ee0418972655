"""The commands of `kubeflow_runner.py`: compile, submit, schedule."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ConfigurationError
from core.terminal_text import PlainConsole
from pipeline.configuration.config import read_config
from pipeline.kubeflow.compile.compiler import compile_pipeline
from pipeline.kubeflow.flags import add_flags, flags_of, read_flags
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.connection import TOKEN_VARIABLE, Connection
from pipeline.kubeflow.submit.package import Package, read_package
from pipeline.kubeflow.submit.schedule import ScheduleParameters, schedule
from pipeline.kubeflow.submit.submission import JobParameters, submit
from pipeline.kubeflow.submit.waiting import wait_for

_PROGRAM: Final = "kubeflow_runner.py"
_EPILOG: Final = "To compile, all flags of local_runner.py are taken too."
_SHARED: Final = ("data", "push_dir")


class RunParameters(BaseModel):
    """Parameters of a submitted run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    run_name: str | None = Field(default=None, min_length=1)
    """Name of the run. Unset: the pipeline's name and the time."""

    wait: bool = False
    """Wait until the run ends, show each step, and return the same exit codes as the local runner."""


def run(argv: Sequence[str]) -> None:
    """Runs the command in `argv`. Without a command, or with a flag first, it runs `compile`.

    Raises:
      ReadalikeError: the command fails, or the run that it waits for fails.
      SystemExit: `--help`, or a flag that does not exist.
    """
    commands = {"compile": _compile, "submit": _submit, "schedule": _schedule}
    if any(word == "--token" or word.startswith("--token=") for word in argv):
        raise ConfigurationError(
            f"--token: other users of this machine can read a command line. Use --token-file, or {TOKEN_VARIABLE}."
        )
    name, rest = ("compile", argv) if not argv or argv[0].startswith("-") else (argv[0], argv[1:])
    if name not in commands:
        raise ConfigurationError(f"{name}: there is no such command. There are {', '.join(commands)}.")
    commands[name](name, rest)


def _compile(command: str, argv: Sequence[str]) -> None:
    """Compiles the pipeline for Kubeflow Pipelines v2: a bare pipeline spec of schema 2.1.0. (submit and schedule: see
    `kubeflow_runner.py submit --help`.)
    """
    parser = _parser(command, _compile.__doc__)
    _add_compilation(parser)
    values, rest = parser.parse_known_args(argv)
    _compiled(values, rest)


def _submit(command: str, argv: Sequence[str]) -> None:
    """Uploads the pipeline as a new version and runs it."""
    parser = _parser(command, _submit.__doc__)
    values, rest = _server_arguments(parser, argv, RunParameters)
    connection, job, one = read_flags(values, Connection, JobParameters, RunParameters)
    console = _console()
    client = _client(connection, console)
    package = _package(values, rest)
    started = submit(client, package, job, one.run_name)
    address = client.address_of("runs", started.run_id)
    console.print(f"Started {started.display_name}: {address}")
    if one.wait:
        wait_for(client, str(started.run_id), package.steps, console)
        console.print(f"Done: {address}")


def _schedule(command: str, argv: Sequence[str]) -> None:
    """Uploads the pipeline as a new version and schedules regular runs on the server, one at a time."""
    parser = _parser(command, _schedule.__doc__)
    values, rest = _server_arguments(parser, argv, ScheduleParameters)
    connection, job, when = read_flags(values, Connection, JobParameters, ScheduleParameters)
    console = _console()
    client = _client(connection, console)
    made = schedule(client, _package(values, rest), job, when)
    address = client.address_of("recurringrun", made.recurring_run_id)
    state = "" if when.enabled else ", disabled"
    console.print(f"Scheduled {made.display_name} at {when.cron}{state}: {address}")


def _parser(command: str, description: str | None) -> argparse.ArgumentParser:
    # An abbreviated flag could also be a flag of local_runner.py.
    return argparse.ArgumentParser(
        prog=f"{_PROGRAM} {command}", description=description, epilog=_EPILOG, allow_abbrev=False
    )


def _server_arguments(
    parser: argparse.ArgumentParser, argv: Sequence[str], own: type[BaseModel]
) -> tuple[argparse.Namespace, list[str]]:
    parser.add_argument("--package", type=Path, help="a compiled pipeline; without it, the pipeline is compiled first")
    _add_compilation(parser)
    add_flags(parser, Connection, JobParameters, own)
    return parser.parse_known_args(argv)


def _add_compilation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", default="", help="container image with this code and its environment; needed to compile"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/readalike.yaml"), help="the compiled pipeline; default: %(default)s"
    )


def _client(connection: Connection, console: PlainConsole) -> KubeflowClient:
    if connection.sends_token_in_the_open:
        console.print(f"Note: {connection.host} gets the token without encryption.")
    return KubeflowClient(connection)


def _package(values: argparse.Namespace, rest: Sequence[str]) -> Package:
    if values.package is None:
        return read_package(_compiled(values, [*rest, *flags_of(_SHARED, values)]))
    if rest or values.image:
        given = " ".join([*rest, *([f"--image={values.image}"] if values.image else [])])
        raise ConfigurationError(f"{given}: says how to compile, and --package names what is compiled. Leave one out.")
    return read_package(values.package)


def _compiled(values: argparse.Namespace, rest: Sequence[str]) -> Path:
    """Compiles the pipeline with the flags `rest`, and returns its file."""
    compile_pipeline(read_config(rest, program=_PROGRAM), values.image, values.out)
    print(f"Compiled {values.out}")
    return Path(values.out)


def _console() -> PlainConsole:
    return PlainConsole(soft_wrap=True)
