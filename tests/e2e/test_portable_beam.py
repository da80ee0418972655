"""The data steps through Beam's portable job service: the way to every distributed runner, with nothing to install.

Pipelines are handed over as protocol buffers, and workers get their elements over gRPC, as with Flink.
"""

from pathlib import Path

import pytest

from pipeline.configuration.config import PipelineConfig
from tests.e2e.data_steps import differences, run_data_steps
from tests.e2e.runs import SAMPLE, Run

pytestmark = [pytest.mark.e2e, pytest.mark.exhaustive]


def test_every_artifact_has_the_content_of_the_run_in_memory(sample_run: Run, tmp_path: Path) -> None:
    config = PipelineConfig(
        data=str(SAMPLE),
        work_dir=tmp_path,
        push_dir=str(tmp_path / "push"),
        beam_runner="PortableRunner",
        beam_args="--job_endpoint=embed --environment_type=LOOPBACK --sdk_container_image=none",
    )
    run_data_steps(config, sample_run.work_dir / "pseudonym.key")
    assert not list(differences(sample_run.work_dir, tmp_path))
