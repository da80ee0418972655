"""Runs the pipeline on this machine, from preflight checks to the final summary."""

import fcntl
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from core.errors import ConfigurationError, InputError, ReadalikeError, own_error
from core.pseudonyms import key_id, read_key
from core.terminal_text import PlainConsole
from pipeline.configuration.config import PipelineConfig
from pipeline.display.terminal import redirected_output, reported_steps, shown_waiting
from pipeline.local import preflight
from pipeline.local.flink_job_server import job_server
from pipeline.local.full_disk import full_disk
from pipeline.local.report import REPORTS, LocalReport
from pipeline.local.step_record import RUNS, last_seconds
from pipeline.start.loading import loading


def run_locally(
    config: PipelineConfig, show_result: Callable[[PlainConsole, str], None], until: str | None = None
) -> int:
    """Runs the pipeline and shows its progress.

    Args:
      config: the configuration.
      show_result: function that shows the result on a console; it gets the push folder.
      until: last step to run, with the steps that it needs. None: all steps run.

    Returns:
      0: all these steps have run; a model was pushed if Pusher is among them. 1: unexpected failure; the message names
        the log.

    Raises:
      ReadalikeError: the input or the configuration is bad, or a gate stopped the run.
    """
    run_id = _new_run_id(config.work_dir)
    try:
        preflight.check(config)
        made_key = preflight.provide_key(config)
        lock = _locked(config.work_dir)
    except InputError as error:
        _tell_refused(config, run_id, error)
        raise
    logs = config.work_dir / "logs"
    logs.mkdir(exist_ok=True)
    log_file = None if config.verbose else logs / f"run-{run_id}.log"
    with lock, redirected_output(log_file) as console:
        _greet(console, config, log_file, made_key)
        started = time.monotonic()
        report = LocalReport(config, run_id, key_id(read_key(preflight.key_file(config))))
        with report.plain_artifacts():
            try:
                with job_server(config) as reached:
                    _run(reached, console, report, until)
                if until is None:
                    report.keep()
                show_result(console, config.push_location)
            except (Exception, KeyboardInterrupt) as error:
                cause = own_error(error) or full_disk(error, config.work_dir)
                if isinstance(error, Exception) and (cause is None or log_file is not None):
                    traceback.print_exc(file=sys.__stderr__)
                told = _told(error, cause, log_file)
                _show_report(console, report.leave(error, told))
                if pushed := report.pushed_version():
                    console.print(f"Version {pushed} was pushed before, and is served from {config.push_location}.")
                if cause is not None:
                    raise cause from error
                if isinstance(error, KeyboardInterrupt):
                    raise
                console.print(f"\n{told}")
                return 1
        if until is None:
            _show_report(console, report.page)
        console.print(f"Done in {time.monotonic() - started:.0f} s.")
    return 0


def study_folder(config: PipelineConfig) -> Path:
    """Returns the folder of the Tuner's trials."""
    return Path(config.tuning.study_dir or config.work_dir / "tuning").resolve()


def _new_run_id(work_dir: Path) -> str:
    """Returns the time as a run id that no report or record in `work_dir` has."""
    while True:
        run_id = time.strftime("%Y%m%d-%H%M%S")
        if not any((work_dir / folder / run_id).exists() for folder in (REPORTS, RUNS)):
            return run_id
        time.sleep(0.1)


def _told(error: BaseException, cause: ReadalikeError | None, log_file: Path | None) -> str:
    """Returns the message for the user. An unexpected error shows only its type, because its text may name a user."""
    if cause is not None:
        return str(cause)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was pushed by halves"
    place = f"the log is {log_file}" if log_file else "see above"
    return f"Unexpected failure ({type(error).__name__}): {place}"


def _tell_refused(config: PipelineConfig, run_id: str, error: InputError) -> None:
    """Writes the page of a run that is refused before its first step, and shows its path. There is no log yet."""
    try:
        page = str(LocalReport(config, run_id).refuse(str(error)))
    except OSError as fault:  # The work folder may itself be the fault.
        page = f"could not be written ({fault.strerror})"
    PlainConsole(soft_wrap=True).print(f"Report: {page}")


def _show_report(console: PlainConsole, page: Path | None) -> None:
    console.print(f"Report: {page or 'could not be written; the log says why'}")


def _run(config: PipelineConfig, console: PlainConsole, report: LocalReport, until: str | None) -> None:
    with shown_waiting(console, "loading TFX"), loading():
        from tfx import v1 as tfx
        from tfx.orchestration.pipeline import RunOptions  # Not in a public module.

        from pipeline.graph import create_pipeline, steps_up_to
    key_file = preflight.key_file(config)
    connection = _metadata_connection(config)
    pipeline = create_pipeline(
        config,
        data=config.data_location,
        push_dir=config.push_location,
        baseline_dir=str(report.baseline_dir),
        pipeline_root=str(report.pipeline_root),
        key_file=str(key_file) if key_file else None,
        study_dir=str(study_folder(config)),
        model_facts={
            "pseudonym_key_id": report.description.pseudonym_key_id,
            "pseudonym_key_file": str(key_file) if key_file and preflight.is_own_key(config) else None,
        },
        description=report.description,
        metadata_connection_config=connection,
    )
    steps, options = [component.id for component in pipeline.components], None
    if until is not None:
        steps = steps_up_to(pipeline, until)
        options = RunOptions(to_nodes=[until])
    expected = last_seconds(config.work_dir, steps)
    with reported_steps(console, steps, expected), report.recording(steps, connection):
        tfx.orchestration.LocalDagRunner().run(pipeline, options)


def _metadata_connection(config: PipelineConfig) -> Any:
    from tfx import v1 as tfx

    if not config.metadata:
        return tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(config.work_dir.resolve() / preflight.METADATA_FILE)
        )
    address = urlsplit(config.metadata)
    return tfx.orchestration.metadata.mysql_metadata_connection_config(
        host=address.hostname,
        port=address.port or 3306,
        database=address.path.lstrip("/"),
        username=unquote(address.username or ""),
        password=unquote(address.password or ""),
    )


def _greet(console: PlainConsole, config: PipelineConfig, log_file: Path | None, made_key: bool) -> None:
    rows = {"data": config.data, "work": config.work_dir, "push": config.push_dir, "log": log_file or "this terminal"}
    console.print(f"Readalike on TFX {version('tfx')}")
    for name, value in rows.items():
        console.print(f"  {name:<5} {value}")
    if made_key:
        console.print(
            f"  A new pseudonym key was made: {preflight.key_file(config)}\n"
            "  Keep it: with another key every reader is a new one.",
        )


def _locked(work_dir: Path) -> TextIO:
    """Locks the work folder until the returned file is closed or the process ends in any way."""
    lock = (work_dir / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigurationError(
            f"--work-dir {work_dir}: another run is at work there. Wait for it, or name another folder."
        ) from error
    return lock
