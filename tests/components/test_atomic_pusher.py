import os
import time
from pathlib import Path
from typing import Any

import pytest
from tfx import v1 as tfx
from tfx.utils import proto_utils

from components import atomic_pusher
from components.atomic_pusher import AtomicPusher, AtomicPusherExecutor
from transform import features
from transform.errors import GateError

REFUSAL = "  REFUSED  today's books that it knows  50.0%\n           needed: at least 95.0%"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    folder = tmp_path / "model" / "Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    artifact = tfx.types.standard_artifacts.Model()
    artifact.uri = str(tmp_path / "model")
    return artifact


def push(model: Any, base: Path, tmp_path: Path, blessed: bool | None = None) -> Any:
    pushed = tfx.types.standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed_model")
    destination = tfx.proto.PushDestination(filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(base)))
    inputs = {"model": [model]}
    if blessed is not None:
        blessing = tfx.types.standard_artifacts.ModelBlessing()
        blessing.uri = str(tmp_path / "blessing")
        blessing.set_int_custom_property("blessed", int(blessed))
        if not blessed:
            Path(blessing.uri).mkdir()
            (Path(blessing.uri) / features.REFUSAL_FILE).write_text(REFUSAL)
        inputs["model_blessing"] = [blessing]
    AtomicPusherExecutor().Do(
        inputs, {"pushed_model": [pushed]}, {"push_destination": proto_utils.proto_to_json(destination)}
    )
    return pushed


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_push_is_a_whole_version_and_nothing_beside(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    pushed = push(model, base, tmp_path)
    [version] = base.iterdir()
    assert version.name.isdigit()
    assert files(version) == {"saved_model.pb", "variables/variables.index"}
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name
    assert pushed.get_int_custom_property("pushed") == 1


def test_no_version_is_visible_while_files_are_copied(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "push"
    seen: list[list[str]] = []
    copy_file = atomic_pusher.stock_pusher.io_utils.copy_file

    def watched_copy(*arguments: Any, **keywords: Any) -> None:
        seen.append([folder.name for folder in base.iterdir() if folder.name.isdigit()])
        copy_file(*arguments, **keywords)

    monkeypatch.setattr(atomic_pusher.stock_pusher.io_utils, "copy_file", watched_copy)
    push(model, base, tmp_path)
    assert seen
    assert not any(seen)


def test_a_copy_that_fails_shows_no_version(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_copy(*arguments: Any, **keywords: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(atomic_pusher.stock_pusher.io_utils, "copy_file", failing_copy)
    with pytest.raises(OSError, match="disk full"):
        push(model, tmp_path / "push", tmp_path)
    assert not [folder for folder in (tmp_path / "push").iterdir() if folder.name.isdigit()]


def test_two_pushes_in_one_second_are_two_versions(model: Any, tmp_path: Path) -> None:
    for _ in range(3):
        push(model, tmp_path / "push", tmp_path)
    assert len(list((tmp_path / "push").iterdir())) == 3


def test_a_blessed_model_is_pushed(model: Any, tmp_path: Path) -> None:
    pushed = push(model, tmp_path / "push", tmp_path, blessed=True)
    [version] = (tmp_path / "push").iterdir()
    assert files(version) == {"saved_model.pb", "variables/variables.index"}
    assert pushed.get_int_custom_property("pushed") == 1


def test_a_model_that_was_not_blessed_stops_the_run_with_the_table_and_what_was_served_stays(
    model: Any, tmp_path: Path
) -> None:
    base = tmp_path / "push"
    push(model, base, tmp_path)
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    assert before
    (tmp_path / "model" / "Format-Serving" / "saved_model.pb").write_bytes(b"another graph")
    with pytest.raises(GateError) as caught:
        push(model, base, tmp_path, blessed=False)
    assert str(caught.value).endswith(f":\n{REFUSAL}")
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before
    assert len(list(base.iterdir())) == 1


def test_a_first_model_that_was_not_blessed_leaves_no_push_folder(model: Any, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="not pushed"):
        push(model, tmp_path / "push", tmp_path, blessed=False)
    assert not (tmp_path / "push").exists()


def test_a_blessing_that_says_nothing_is_none(model: Any, tmp_path: Path) -> None:
    blessing = tfx.types.standard_artifacts.ModelBlessing()
    blessing.uri = str(tmp_path)
    (tmp_path / features.REFUSAL_FILE).write_text(REFUSAL)
    with pytest.raises(GateError, match="needed: at least"):
        atomic_pusher.require_blessing(blessing)


def test_what_killed_runs_left_is_removed_when_it_is_old(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    for name, age in ((".incoming-1", 7200), (".incoming-2", 10)):
        (base / name / "123").mkdir(parents=True)
        os.utime(base / name, (time.time() - age, time.time() - age))
    push(model, base, tmp_path)
    assert {folder.name for folder in base.iterdir() if not folder.name.isdigit()} == {".incoming-2"}


def test_the_component_differs_from_the_stock_one_by_its_executor_only() -> None:
    assert AtomicPusher.SPEC_CLASS is tfx.components.Pusher.SPEC_CLASS
    assert AtomicPusher.EXECUTOR_SPEC.executor_class is AtomicPusherExecutor
