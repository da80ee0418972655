"""Compiled pipelines, each made once."""

import pytest

from pipeline.config import PipelineConfig
from pipeline.kubeflow.compiler import compile_pipeline
from tests.pipeline.kubeflow.compiled import IMAGE, Compiled


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled without a word of configuration."""
    out = tmp_path_factory.mktemp("plain") / "readalike.yaml"
    compile_pipeline(PipelineConfig(), IMAGE, out)
    return Compiled(out)
