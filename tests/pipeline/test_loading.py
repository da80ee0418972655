"""What a process has, and does not do, while TFX is loaded."""

import gc
import os
from collections.abc import Iterator

import pytest

from pipeline.loading import loading


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Gives the garbage collector back what the tests took from it."""
    yield
    gc.unfreeze()
    gc.enable()


def test_modules_are_no_garbage_while_they_are_loaded_and_later() -> None:
    gc.unfreeze()
    with loading():
        assert not gc.isenabled()
        loaded = [[] for _ in range(1_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(loaded)


def test_what_fails_to_load_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("a module")
    assert gc.isenabled()


def test_tensorflow_is_told_unless_somebody_told_it_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    with loading():
        pass
    told = {name: value for name, value in os.environ.items() if name.startswith("TF_")}
    assert {**told, "TF_NUM_INTRAOP_THREADS": "2", "TF_USE_LEGACY_KERAS": "1"} == told
    assert {**told, "TF_CPP_MIN_LOG_LEVEL": "1", "TF_ENABLE_ONEDNN_OPTS": "0"} == told
