"""What TensorFlow finds in the environment."""

import os

import pytest

from core.tensorflow_settings import environment_of_a_server, tell_tensorflow


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TF_")]:
        monkeypatch.delenv(name)


def told() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TF_")}


def test_tensorflow_is_told_unless_somebody_told_it_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    # What is set for the first time within a test would stay.
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    tell_tensorflow()
    assert told() == {
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "2",
        "TF_USE_LEGACY_KERAS": "1",
    }


def test_a_server_has_what_the_user_set_and_nothing_that_a_run_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    left = {name: value for name, value in environment_of_a_server().items() if name.startswith("TF_")}
    assert left == {"TF_NUM_INTRAOP_THREADS": "3", "TF_CPP_MIN_LOG_LEVEL": "1"}
    assert environment_of_a_server()["PATH"] == os.environ["PATH"]
