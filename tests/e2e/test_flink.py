"""The data steps on Apache Flink, in a mini-cluster: `make test-flink`."""

import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.pseudonyms import create_key_file
from pipeline.configuration.config import PipelineConfig
from pipeline.local import flink_job_server
from scripts.flink_job_server import make_job_server
from tests.e2e.data_steps import BEAM_STEPS, differences, run_data_steps
from tests.e2e.runs import ROOT, SAMPLE

pytestmark = pytest.mark.flink

# Kept between runs, outside of what a test leaves.
MADE = ROOT / "build" / "flink-job-server"

# What Flink says of each job that it begins, in the log of the job server.
BEGINS = re.compile(r"Component (\w+) is running\.")
STARTED = re.compile(r"Job .+ \([0-9a-f]{32}\) switched from state \w+ to RUNNING")


def config(work_dir: Path, **values: object) -> PipelineConfig:
    return PipelineConfig(data=str(SAMPLE), work_dir=work_dir, push_dir=str(work_dir / "push"), **values)


def some_jar() -> Path | None:
    """Returns the job server that can be had: None for Beam's own, or one that is made of its parts."""
    try:
        flink_job_server.check(config(Path(), beam_runner="FlinkRunner"))
    except ConfigurationError as error:
        if shutil.which("java") is None:
            pytest.skip(str(error))
        try:
            return make_job_server(MADE)
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as other:
            pytest.skip(f"{error} Nor can one be made of its parts: {other}")
    return None


def test_every_artifact_has_the_content_of_the_run_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    on_flink = config(tmp_path / "flink", beam_runner="FlinkRunner", beam_workers=2, flink_job_server_jar=some_jar())
    key_file = tmp_path / "pseudonym.key"
    create_key_file(key_file)
    in_memory = config(tmp_path / "memory")
    for made in (in_memory, on_flink):
        made.work_dir.mkdir()
    run_data_steps(in_memory, key_file)
    caplog.set_level(logging.INFO, logger="absl")
    with caplog.at_level(logging.INFO), flink_job_server.job_server(on_flink) as reached:
        run_data_steps(reached, key_file)
    log = [record.getMessage() for record in caplog.records]
    assert not list(differences(in_memory.work_dir, on_flink.work_dir))
    begins = {found[1]: place for place, line in enumerate(log) if (found := BEGINS.fullmatch(line))}
    ends = [*list(begins.values())[1:], len(log)]
    said = {step: log[begin:end] for (step, begin), end in zip(begins.items(), ends, strict=True)}
    for step in BEAM_STEPS:
        assert [line for line in said[step] if STARTED.search(line)], step
