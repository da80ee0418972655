"""The data steps on Apache Flink, in a mini-cluster: `make test-flink`."""

import logging
import re
from pathlib import Path

import pytest

from pipeline import flink_job_server
from pipeline.config import PipelineConfig
from tests.e2e.data_steps import BEAM_STEPS, differences, run_data_steps
from tests.e2e.runs import SAMPLE
from transform.errors import ConfigurationError
from transform.pseudonyms import create_key_file

pytestmark = pytest.mark.flink

# What Flink says of each job that it begins, in the log of the job server.
STARTED = re.compile(r"Job .+ \([0-9a-f]{32}\) switched from state \w+ to RUNNING")


def config(work_dir: Path, **values: object) -> PipelineConfig:
    return PipelineConfig(data=str(SAMPLE), work_dir=work_dir, push_dir=str(work_dir / "push"), **values)


def test_every_artifact_has_the_content_of_the_run_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    on_flink = config(tmp_path / "flink", beam_runner="FlinkRunner", beam_workers=2)
    try:
        flink_job_server.check(on_flink)
    except ConfigurationError as error:
        pytest.skip(str(error))
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
    for step in BEAM_STEPS:
        begin = log.index(f"Component {step} is running.")
        end = log.index(f"Component {step} is finished.")
        assert [line for line in log[begin:end] if STARTED.search(line)], step
