"""One run of the pipeline on this machine, from preflight to the closing summary."""

import fcntl
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console

from pipeline import preflight
from pipeline.config import PipelineConfig
from pipeline.durations import DURATIONS_FILE, Durations
from pipeline.flink_job_server import job_server
from pipeline.terminal import redirected_output, reported_steps, shown_waiting
from transform.errors import ConfigurationError, own_error
from transform.pseudonyms import key_id, read_key


def run_locally(config: PipelineConfig, show_result: Callable[[Console, str], None], until: str | None = None) -> int:
    """Runs the pipeline and shows what it does.

    Args:
      config: what the user asked for.
      show_result: shows, on a console, what now is in a push folder.
      until: the step that is wanted, which runs with those that it needs; None: all steps run.

    Returns:
      0: the wanted steps have run; a model was pushed if Pusher is among them. 1: an unexpected failure, told with the
        place of its log.

    Raises:
      ReadalikeError: the input or the configuration is bad, or a gate stopped the run.
    """
    preflight.check(config)
    made_key = preflight.provide_key(config)
    logs = config.work_dir / "logs"
    logs.mkdir(exist_ok=True)
    log_file = None if config.verbose else logs / time.strftime("run-%Y%m%d-%H%M%S.log")
    with _only_run_in(config.work_dir), redirected_output(log_file) as console:
        _greet(console, config, log_file, made_key)
        started = time.monotonic()
        try:
            with job_server(config) as reached:
                _run(reached, console, until)
            show_result(console, config.push_location)
        except Exception as error:
            cause = own_error(error)
            if cause is None or log_file is not None:
                traceback.print_exc(file=sys.__stderr__)
            if cause is not None:
                raise cause from error
            place = f"the log is {log_file}" if log_file else "see above"
            console.print(f"\nUnexpected failure ({type(error).__name__}): {place}", markup=False)
            return 1
        console.print(f"Done in {time.monotonic() - started:.0f} s.")
    return 0


def study_folder(config: PipelineConfig) -> Path:
    """Returns the folder in which the Tuner's trials are kept."""
    return Path(config.tuning.study_dir or config.work_dir / "tuning").resolve()


def _run(config: PipelineConfig, console: Console, until: str | None) -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2, and asks when it is first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with shown_waiting(console, "loading TFX"):
        from tfx import v1 as tfx
        from tfx.orchestration.pipeline import RunOptions  # In no public module.

        from pipeline.graph import create_pipeline, steps_up_to
    work_dir = config.work_dir.resolve()
    key_file = preflight.key_file(config)
    pipeline = create_pipeline(
        config,
        data=config.data_location,
        push_dir=config.push_location,
        baseline_dir=str(work_dir / "baseline"),
        pipeline_root=str(work_dir / "artifacts"),
        key_file=str(key_file) if key_file else None,
        study_dir=str(study_folder(config)),
        model_facts={
            "pseudonym_key_id": key_id(read_key(key_file)),
            "pseudonym_key_file": str(key_file) if key_file and preflight.is_own_key(config) else None,
        },
        metadata_connection_config=_metadata_connection(config),
    )
    steps, options = [component.id for component in pipeline.components], None
    if until is not None:
        steps = steps_up_to(pipeline, until)
        options = RunOptions(to_nodes=[until])
    with reported_steps(console, steps, Durations(work_dir / DURATIONS_FILE)):
        tfx.orchestration.LocalDagRunner().run(pipeline, options)


def _metadata_connection(config: PipelineConfig) -> Any:
    from tfx import v1 as tfx

    if not config.metadata:
        return tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(config.work_dir.resolve() / "metadata.sqlite")
        )
    address = urlsplit(config.metadata)
    return tfx.orchestration.metadata.mysql_metadata_connection_config(
        host=address.hostname,
        port=address.port or 3306,
        database=address.path.lstrip("/"),
        username=unquote(address.username or ""),
        password=unquote(address.password or ""),
    )


def _greet(console: Console, config: PipelineConfig, log_file: Path | None, made_key: bool) -> None:
    rows = {"data": config.data, "work": config.work_dir, "push": config.push_dir, "log": log_file or "this terminal"}
    console.print(f"Readalike on TFX {version('tfx')}", markup=False)
    for name, value in rows.items():
        console.print(f"  {name:<5} {value}", markup=False)
    if made_key:
        console.print(
            f"  A new pseudonym key was made: {preflight.key_file(config)}\n"
            "  Keep it: with another key every reader is a new one.",
            markup=False,
        )


@contextmanager
def _only_run_in(work_dir: Path) -> Iterator[None]:
    """Holds the work folder for this run. The system lets go of it when the process ends, however it ends."""
    with (work_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"--work-dir {work_dir}: another run is at work there. Wait for it, or name another folder."
            ) from error
        yield
