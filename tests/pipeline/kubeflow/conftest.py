"""Compiled pipelines, each made once, and a server to send them to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.configuration.config import PipelineConfig
from pipeline.kubeflow.compile.compiler import compile_pipeline
from tests.pipeline.kubeflow.compiled import IMAGE, Compiled
from tests.pipeline.kubeflow.submit.api_server import ApiServer
from tests.pipeline.kubeflow.submit.asking import TOKEN
from tests.pipeline.kubeflow.submit.http_serving import serving


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled without a word of configuration."""
    out = tmp_path_factory.mktemp("plain") / "readalike.yaml"
    compile_pipeline(PipelineConfig(), IMAGE, out)
    return Compiled(out)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving(ApiServer(token=TOKEN)) as it:
        yield it


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return file
