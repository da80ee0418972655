"""One run of the pipeline on this machine, from preflight to the closing summary."""

import fcntl
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console

from pipeline import preflight
from pipeline.config import PipelineConfig
from pipeline.local_report import LocalReport
from pipeline.terminal import redirected_output, reported_steps
from transform.errors import ConfigurationError, ReadalikeError, own_error
from transform.pseudonyms import key_id, read_key


def run_locally(config: PipelineConfig, show_pushed: Callable[[Console, str], None]) -> int:
    """Runs the pipeline and shows what it does.

    Args:
      config: what the user asked for.
      show_pushed: shows, on a console, what now is in a push folder.

    Returns:
      0: a model was pushed. 1: an unexpected failure, told with the place of its log.

    Raises:
      ReadalikeError: the input or the configuration is bad, or a gate stopped the run.
    """
    preflight.check(config)
    made_key = preflight.provide_key(config)
    logs = config.work_dir / "logs"
    logs.mkdir(exist_ok=True)
    run_id = time.strftime("%Y%m%d-%H%M%S")
    log_file = None if config.verbose else logs / f"run-{run_id}.log"
    with _only_run_in(config.work_dir), redirected_output(log_file) as console:
        _greet(console, config, log_file, made_key)
        started = time.monotonic()
        report = LocalReport(config, run_id, key_id(read_key(preflight.key_file(config))))
        try:
            _run(config, console, report)
            report.keep()
            show_pushed(console, config.push_location)
        except (Exception, KeyboardInterrupt) as error:
            cause = own_error(error)
            if isinstance(error, Exception) and (cause is None or log_file is not None):
                traceback.print_exc(file=sys.__stderr__)
            told = _told(error, cause, log_file)
            _show_report(console, report.leave(error, told))
            if cause is not None:
                raise cause from error
            if isinstance(error, KeyboardInterrupt):
                raise
            console.print(f"\n{told}", markup=False)
            return 1
        _show_report(console, report.page)
        console.print(f"Done in {time.monotonic() - started:.0f} s.")
    return 0


def _told(error: BaseException, cause: ReadalikeError | None, log_file: Path | None) -> str:
    """Returns what a person is told of the error: of an unexpected one no more than its name, which names no user."""
    if cause is not None:
        return str(cause)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was pushed by halves"
    place = f"the log is {log_file}" if log_file else "see above"
    return f"Unexpected failure ({type(error).__name__}): {place}"


def _show_report(console: Console, page: Path | None) -> None:
    console.print(f"Report: {page or 'could not be written; the log says why'}", markup=False)


def _run(config: PipelineConfig, console: Console, report: LocalReport) -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2, and asks when it is first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with console.status(" loading TFX") if console.is_terminal else nullcontext():
        from tfx import v1 as tfx

        from pipeline.graph import create_pipeline
    key_file = preflight.key_file(config)
    connection = _metadata_connection(config)
    pipeline = create_pipeline(
        config,
        data=config.data_location,
        push_dir=config.push_location,
        baseline_dir=str(report.baseline_dir),
        pipeline_root=str(report.pipeline_root),
        key_file=str(key_file) if key_file else None,
        model_facts={
            "pseudonym_key_id": report.description.pseudonym_key_id,
            "pseudonym_key_file": str(key_file) if key_file and preflight.is_own_key(config) else None,
        },
        description=report.description,
        metadata_connection_config=connection,
    )
    steps = [component.id for component in pipeline.components]
    with reported_steps(console, steps), report.recording(steps, connection):
        tfx.orchestration.LocalDagRunner().run(pipeline)


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
