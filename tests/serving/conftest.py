"""Servers that several modules ask, and what their models answer in this process."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.serving.late_servers import LateServer
from tests.serving.late_servers import late_server as serve_late
from tests.serving.servers import KIND, SCHEMES, Server
from tests.serving.small_models import export_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions that know the same readers and books and answer otherwise."""
    folder = tmp_path_factory.mktemp("models")
    return [export_model(folder / str(seed), seed) for seed in (1, 2)]


@pytest.fixture(scope="session")
def signatures(models: list[Path]) -> list[Any]:
    return [tf.saved_model.load(str(model)).signatures for model in models]


@pytest.fixture(scope="session")
def push_dir(models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the first model."""
    folder = tmp_path_factory.mktemp("push")
    shutil.copytree(models[0], folder / "1")
    return folder


@pytest.fixture(scope="session", params=[KIND])
def server(
    request: pytest.FixtureRequest, push_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = Server(request.param, push_dir, tmp_path_factory.mktemp("server") / "log")
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session", params=[KIND])
def late_server(
    request: pytest.FixtureRequest, models: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LateServer]:
    """Joins requests. The first model is served at first; whoever needs to know asks, for some tests push another."""
    with serve_late(request.param, models[0], tmp_path_factory.mktemp("late")) as late:
        yield late


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param
