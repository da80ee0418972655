"""A push folder that several modules read."""

from pathlib import Path

import pytest

from tests.serving.small_models import export_model


@pytest.fixture(scope="session")
def push_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds one small model."""
    folder = tmp_path_factory.mktemp("push")
    export_model(folder / "1", seed=1)
    return folder
