"""Which server the tests run against."""

from pathlib import Path

import pytest

from tests.serving import servers
from tests.serving.servers import IN_A_CONTAINER, TF_SERVING, WIRE, found_kind, tf_serving

ENGINE = "tensorflow/serving:2.20.0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_without_either_it_is_our_own(folder: Path) -> None:
    assert found_kind() == WIRE


@pytest.mark.integration
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("exit 0", IN_A_CONTAINER),
        ('[ "$1 $2 $3" = "pull --quiet tensorflow/serving:2.20.0" ]', IN_A_CONTAINER),
        ('[ "$1 $2 $3" = "image inspect tensorflow/serving:2.20.0" ]', IN_A_CONTAINER),
        ('echo "no engine" >&2; exit 1', WIRE),
    ],
)
def test_a_docker_engine_that_has_or_gets_the_image_serves(script: str, kind: str, folder: Path) -> None:
    program(folder, "docker", script)
    assert found_kind() == kind


@pytest.mark.integration
def test_an_engine_that_does_not_answer_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "ENGINE_SECONDS", 0.2)
    monkeypatch.setattr(servers, "PULL_SECONDS", 0.2)
    program(folder, "docker", "while true; do :; done")
    assert found_kind() == WIRE


def test_the_program_itself_comes_first(folder: Path) -> None:
    program(folder, "docker", "exit 0")
    program(folder, TF_SERVING, "exit 0")
    assert found_kind() == TF_SERVING


@pytest.mark.parametrize("batching", [False, True])
def test_a_container_gets_what_the_program_gets_and_sees_the_same_folders(batching: bool, tmp_path: Path) -> None:
    push_dir, log = tmp_path / "push", tmp_path / "logs" / "server.log"
    log.parent.mkdir()
    alone, contained = (tf_serving(kind, push_dir, log, batching) for kind in (TF_SERVING, IN_A_CONTAINER))
    split = contained.index(ENGINE) + 1
    assert contained[split:] == alone[1:]
    assert contained[:2] == ["docker", "run"]
    assert {f"--volume={push_dir}:{push_dir}:ro", f"--volume={log.parent}:{log.parent}:ro"} <= set(contained[:split])
    assert f"--entrypoint={TF_SERVING}" in contained[:split]
    assert any("batching" in word for word in alone) == batching
