"""What a process has, and does not do, while TFX is loaded."""

import gc
import os
from collections.abc import Iterator

import pytest

from pipeline.start.loading import loading


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Gives the garbage collector back what the test took from it."""
    yield
    gc.unfreeze()
    gc.enable()


def test_tensorflow_is_told_before_and_nothing_is_collected_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    with loading():
        assert not gc.isenabled()
        told = {name: value for name, value in os.environ.items() if name.startswith("TF_")}
    assert gc.isenabled()
    assert {**told, "TF_NUM_INTRAOP_THREADS": "2", "TF_USE_LEGACY_KERAS": "1"} == told
    assert {**told, "TF_CPP_MIN_LOG_LEVEL": "1", "TF_ENABLE_ONEDNN_OPTS": "0"} == told
