"""Checks the requirements of Beam's job server for Flink, fetches its jar, and starts one job server per run.

The job server submits the Beam pipelines of the data steps to Flink: to a cluster, or to a mini-cluster inside itself.
Beam would start one for each step, and keep all of them until the process ends.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from core.errors import ConfigurationError
from pipeline.configuration.beam import FLINK, says
from pipeline.configuration.config import PipelineConfig

OLDEST_JAVA: Final = 11

# Packages that Flink's start scripts open on Java 17. The mini-cluster starts without these scripts.
_OPENED_PACKAGES: Final = (
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)

_MAVEN_SECONDS: Final = 900
_JAVA_SECONDS: Final = 60
_INSTALL_JAVA: Final = (
    f"Install a Java runtime {OLDEST_JAVA} or newer (Debian: openjdk-17-jre-headless), or name one by "
    '--beam-args="--job_server_java_launcher=PATH".'
)


def check(config: PipelineConfig) -> None:
    """Checks that this machine can submit the data steps to Flink, and fetches the jar if it is missing.

    Raises:
      ConfigurationError: Java is missing or too old, or the jar cannot be fetched.
    """
    if config.beam_runner != FLINK or says(shlex.split(config.beam_args), "--job_endpoint"):
        return
    if _starts_here(config):
        _check_java(_job_server_options(config).job_server_java_launcher)
    _provide_jar(config)


@contextmanager
def job_server(config: PipelineConfig) -> Iterator[PipelineConfig]:
    """Starts a job server for the run if it needs one, and stops it at the end of the run.

    Yields:
      `config`, with the address of the job server added to the arguments for Beam.
    """
    if not _starts_here(config):
        yield config
        return
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer, FlinkRunner
    from apache_beam.utils.subprocess_server import pick_port

    [port] = pick_port(None)
    master = FlinkRunner.add_http_scheme(config.flink_master or "[local]")
    opened = [f"--job_server_jvm_property=--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED_PACKAGES]
    server = FlinkJarJobServer(
        PipelineOptions([*config.beam_pipeline_args, f"--flink_master={master}", f"--job_port={port}", *opened])
    )
    try:
        server.start()
        yield config.model_copy(update={"beam_args": f"{config.beam_args} --job_endpoint=localhost:{port}".strip()})
    finally:
        server.stop()


def _starts_here(config: PipelineConfig) -> bool:
    """Returns True if the run starts its own job server. Beam arguments can name another one or submit jars instead."""
    said = shlex.split(config.beam_args)
    return config.beam_runner == FLINK and not (says(said, "--job_endpoint") or says(said, "--flink_submit_uber_jar"))


def _check_java(launcher: str) -> None:
    if shutil.which(launcher) is None:
        raise ConfigurationError(f"--beam-runner {FLINK}: there is no Java ({launcher}). {_INSTALL_JAVA}")
    try:
        done = subprocess.run(
            [launcher, "-version"], capture_output=True, text=True, timeout=_JAVA_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            f"--beam-runner {FLINK}: {launcher} does not start ({error}). {_INSTALL_JAVA}"
        ) from error
    found = re.search(r'version "(?:1\.)?(\d+)', done.stdout + done.stderr)
    if done.returncode != 0 or found is None:
        said = " ".join((done.stderr or done.stdout).split())[:200]
        raise ConfigurationError(
            f"--beam-runner {FLINK}: {launcher} does not tell its version ({said}). {_INSTALL_JAVA}"
        )
    if int(found[1]) < OLDEST_JAVA:
        raise ConfigurationError(f"--beam-runner {FLINK}: {launcher} is Java {found[1]}, too old. {_INSTALL_JAVA}")


def _provide_jar(config: PipelineConfig) -> None:
    """Checks that the configured jar exists; without one, fetches the jar into Beam's cache."""
    if config.flink_job_server_jar is not None:
        if not config.flink_job_server_jar.is_file():
            raise ConfigurationError(
                f"--flink-job-server-jar {config.flink_job_server_jar}: there is no such file. Name Beam's job server "
                "for Flink, or leave the flag out to have it fetched."
            )
        return
    from apache_beam.utils.subprocess_server import JavaJarServer

    artifact = f"beam-runners-flink-{_flink_options(config).flink_version}-job-server"
    cache = Path(_job_server_options(config).jar_cache_dir or JavaJarServer.JAR_CACHE)
    jar = cache / JavaJarServer.jar_name(artifact, version("apache-beam"))
    if jar.is_file():
        return
    coordinates = f"{JavaJarServer.BEAM_GROUP_ID}:{artifact}:{version('apache-beam')}"
    print(f"fetching {coordinates}", file=sys.stderr)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if shutil.which("mvn"):
            _fetch_by_maven(coordinates, jar)
        else:
            url = JavaJarServer.path_to_maven_jar(artifact, JavaJarServer.BEAM_GROUP_ID, version("apache-beam"))
            JavaJarServer.local_jar(url, str(cache))
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            f"--beam-runner {FLINK}: Beam's job server {coordinates} cannot be fetched ({error}). Fetch it elsewhere, "
            f"or make one by python -m scripts.flink_job_server, and name it by --flink-job-server-jar; or put it into "
            f"{cache}."
        ) from error


def run_maven(folder: Path, *arguments: str) -> None:
    """Runs Maven in `folder`, because Maven knows this machine's mirrors and proxies.

    Raises:
      RuntimeError: Maven fails; the message is its first error.
      subprocess.TimeoutExpired: it takes longer than 15 minutes.
    """
    command = ["mvn", "--batch-mode", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MAVEN_SECONDS, check=False)
    if done.returncode != 0:
        faults = re.findall(r"^\[ERROR\] (.+)$", done.stdout, re.MULTILINE)
        raise RuntimeError(faults[0] if faults else f"mvn ended with {done.returncode}")


def _fetch_by_maven(coordinates: str, jar: Path) -> None:
    """Fetches an artifact to `jar` by Maven."""
    with tempfile.TemporaryDirectory(dir=jar.parent) as folder:
        run_maven(Path(folder), "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}")
        (Path(folder) / jar.name).replace(jar)


def _job_server_options(config: PipelineConfig) -> Any:
    from apache_beam.options.pipeline_options import JobServerOptions

    return _options(config).view_as(JobServerOptions)


def _flink_options(config: PipelineConfig) -> Any:
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    return _options(config).view_as(FlinkRunnerOptions)


def _options(config: PipelineConfig) -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(config.beam_pipeline_args)
    try:
        options.get_all_options()
    except SystemExit as error:  # Beam's argument parser ends the process on an error.
        raise ConfigurationError(
            f"--beam-args {config.beam_args!r}: Beam does not take them, as said above. Correct or leave them out."
        ) from error
    return options
