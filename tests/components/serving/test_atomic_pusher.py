"""A push as the pipeline asks for it, through the component's own executor."""

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx import v1 as tfx

from components.artifacts.card_notes import CARD_FILE, CARD_TEXT_FILE
from components.serving import atomic_pusher
from components.serving.atomic_pusher import AtomicPusher
from core.errors import GateError, ReleaseError
from registry.push_folder import PushFolder
from registry.push_history import read_history, read_release
from storage import locations
from storage.json_files import write_json
from tests.s3_server import Bucket
from transform import features

MEASURED = {"data_sha256": "ab12", "measured": {"recall_at_20": {"value": 0.2, "low": 0.1, "high": 0.3}}}
SERVED = {"serving": {"p50_ms": 1.5, "broken": []}}
CARD = {"model_details": {"name": "é"}}
CARD_TEXT = "# Model card: é\n\n- not JSON\n"
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


def blessing_of(kind: Any, folder: Path, blessed: bool, measured: dict[str, Any]) -> Any:
    blessing = kind()
    blessing.uri = str(folder)
    blessing.set_int_custom_property("blessed", int(blessed))
    write_json(measured, f"{folder}/{features.MEASURED_FILE}")
    if not blessed:
        (folder / features.REFUSAL_FILE).write_text(REFUSAL)
    return blessing


def card_in(folder: Path) -> Any:
    write_json(CARD, f"{folder}/{CARD_FILE}")
    (folder / CARD_TEXT_FILE).write_text(CARD_TEXT)
    card = tfx.types.standard_artifacts.ModelEvaluation()
    card.uri = str(folder)
    return card


def push(
    model: Any, base: Path | str, tmp_path: Path, blessed: bool = True, keep: int = 0, served_well: bool = True
) -> Any:
    pushed = tfx.types.standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed_model")
    kinds = tfx.types.standard_artifacts
    inputs = {
        "model": [model],
        "model_blessing": [blessing_of(kinds.ModelBlessing, tmp_path / "blessing", blessed, MEASURED)],
        "infra_blessing": [blessing_of(kinds.InfraBlessing, tmp_path / "infra", served_well, SERVED)],
        "card": [card_in(tmp_path / "card")],
    }
    AtomicPusher.EXECUTOR_SPEC.executor_class().Do(
        inputs, {"pushed_model": [pushed]}, {"push_dir": str(base), "keep_versions": keep}
    )
    return pushed


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_push_is_a_whole_version_and_nothing_beside(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    pushed = push(model, base, tmp_path)
    [version] = base.iterdir()
    assert version.name.isdigit()
    assert files(version) == {
        "saved_model.pb",
        "variables/variables.index",
        features.RELEASE_NOTE_FILE,
        features.MODEL_CARD_FILE,
        features.MODEL_CARD_TEXT_FILE,
    }
    assert json.loads((version / features.MODEL_CARD_FILE).read_text()) == CARD
    assert (version / features.MODEL_CARD_TEXT_FILE).read_text() == CARD_TEXT
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_float_custom_property("recall_at_20") == 0.2
    assert pushed.get_float_custom_property("p50_ms") == 1.5
    assert pushed.get_string_custom_property("data_sha256") == "ab12"
    assert json.loads((Path(pushed.uri) / features.RELEASE_NOTE_FILE).read_text())["measured"] == MEASURED["measured"]


def test_no_version_is_visible_while_files_are_copied(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "push"
    seen: list[list[str]] = []
    copy_file = locations.copy_file

    def watched_copy(source: str, target: str) -> None:
        seen.append([folder.name for folder in base.iterdir() if folder.name.isdigit()])
        copy_file(source, target)

    monkeypatch.setattr(locations, "copy_file", watched_copy)
    push(model, base, tmp_path)
    assert seen
    assert not any(seen)


def test_a_copy_that_fails_shows_no_version(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_copy(*arguments: Any, **keywords: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(locations, "copy_file", failing_copy)
    with pytest.raises(ReleaseError, match=r"--push-dir .*push: cannot be written \(disk full\).*Make room"):
        push(model, tmp_path / "push", tmp_path)
    assert not [folder for folder in (tmp_path / "push").iterdir() if folder.name.isdigit()]


def test_two_pushes_in_one_second_are_two_versions(model: Any, tmp_path: Path) -> None:
    for _ in range(3):
        push(model, tmp_path / "push", tmp_path)
    assert len(list((tmp_path / "push").iterdir())) == 3


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


def test_a_model_whose_serving_was_refused_is_not_pushed(model: Any, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="REFUSED  today's books"):
        push(model, tmp_path / "push", tmp_path, served_well=False)
    assert not (tmp_path / "push").exists()
    push(model, tmp_path / "push", tmp_path)
    [version] = (tmp_path / "push").iterdir()
    note = json.loads((version / features.RELEASE_NOTE_FILE).read_text())
    assert note["serving"] == SERVED["serving"]
    assert note["measured"] == MEASURED["measured"]


def test_who_refuses_is_told_by_both_where_both_refuse(model: Any, tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        push(model, tmp_path / "push", tmp_path, blessed=False, served_well=False)
    assert str(caught.value).endswith(f":\n{REFUSAL}\n{REFUSAL}")


def test_a_blessing_that_says_nothing_is_none(model: Any, tmp_path: Path) -> None:
    blessing = tfx.types.standard_artifacts.ModelBlessing()
    blessing.uri = str(tmp_path)
    (tmp_path / features.REFUSAL_FILE).write_text(REFUSAL)
    with pytest.raises(GateError, match="needed: at least"):
        atomic_pusher.require_blessings([blessing])


def test_what_killed_runs_left_is_removed_when_it_is_old(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    for name, age in ((".incoming-1", 7200), (".incoming-2", 10)):
        (base / name / "123").mkdir(parents=True)
        for folder in (base / name / "123", base / name):
            os.utime(folder, (time.time() - age, time.time() - age))
    push(model, base, tmp_path)
    assert {folder.name for folder in base.iterdir() if not folder.name.isdigit()} == {".incoming-2"}


def test_the_note_beside_the_model_says_when_it_was_pushed_and_what_it_was_blessed_for(
    model: Any, tmp_path: Path
) -> None:
    before = int(time.time())
    push(model, tmp_path / "push", tmp_path, blessed=True)
    [version] = read_history(PushFolder(str(tmp_path / "push")))
    assert version.recall == 0.2
    assert version.note["data_sha256"] == "ab12"
    pushed_at = datetime.strptime(version.pushed_at, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert before <= pushed_at <= time.time()


@pytest.mark.parametrize(("keep", "left"), [(0, 4), (1, 1), (2, 2), (9, 4)])
def test_the_last_versions_are_kept_and_the_new_one_is_served(keep: int, left: int, model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    for _ in range(4):
        pushed = push(model, base, tmp_path, keep=keep)
    versions = PushFolder(str(base)).versions()
    assert len(versions) == len(list(base.iterdir())) == left
    assert versions[-1] == pushed.get_string_custom_property("pushed_version")


def test_a_refused_model_prunes_nothing(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "push"
    for _ in range(3):
        push(model, base, tmp_path)
    with pytest.raises(GateError):
        push(model, base, tmp_path, blessed=False, keep=1)
    assert len(list(base.iterdir())) == 3


def test_a_push_is_served_even_over_a_higher_number_than_the_clocks(model: Any, tmp_path: Path) -> None:
    served = tmp_path / "push" / "9999999999"
    served.mkdir(parents=True)
    (served / "saved_model.pb").write_bytes(b"from tomorrow")
    pushed = push(model, tmp_path / "push", tmp_path)
    assert pushed.get_string_custom_property("pushed_version") == "10000000000"


def test_what_a_killed_prune_left_goes_with_the_next_push(model: Any, tmp_path: Path) -> None:
    (tmp_path / "push" / ".pruned-5" / "variables").mkdir(parents=True)
    push(model, tmp_path / "push", tmp_path)
    [version] = (tmp_path / "push").iterdir()
    assert version.name.isdigit()


def test_a_folder_that_cannot_be_tidied_does_not_stop_a_push(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: PushFolder, version: str) -> None:
        raise OSError("not yours")

    base = tmp_path / "push"
    push(model, base, tmp_path)
    monkeypatch.setattr(PushFolder, "_remove", fail)
    pushed = push(model, base, tmp_path, keep=1)
    assert pushed.get_int_custom_property("pushed") == 1
    assert len(PushFolder(str(base)).versions()) == 2


@pytest.mark.integration
@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_an_object_store_gets_the_version_the_note_and_the_pruning_too(
    scheme: str, model: Any, tmp_path: Path, bucket: Bucket
) -> None:
    for key in ("push/7/saved_model.pb", "push/8/saved_model.pb"):
        bucket.put(key, "graph")
    folder = PushFolder(f"{scheme}://{bucket.name}/push")
    pushed = push(model, folder.location, tmp_path, keep=2)
    new = pushed.get_string_custom_property("pushed_version")
    assert pushed.get_string_custom_property("pushed_destination") == folder.path(new)
    assert folder.versions() == ["8", new]
    assert read_release(folder, new).recall == 0.2
    assert bucket.get(f"push/{new}/saved_model.pb") == b"graph"
    assert bucket.get(f"push/{new}/variables/variables.index") == b"index"


@pytest.mark.integration
def test_a_refused_model_leaves_an_object_store_as_it_was(model: Any, tmp_path: Path, bucket: Bucket) -> None:
    with pytest.raises(GateError):
        push(model, f"s3://{bucket.name}/push", tmp_path, blessed=False)
    assert bucket.names() == []


def test_where_to_push_may_be_left_to_the_run_and_is_compiled_as_its_parameter(tmp_path: Path) -> None:
    kinds = tfx.types.standard_artifacts
    sources = {
        name: tfx.dsl.Importer(source_uri="s3://bucket/artifact", artifact_type=kind).with_id(name)
        for name, kind in (
            ("model", kinds.Model),
            ("model_blessing", kinds.ModelBlessing),
            ("infra_blessing", kinds.InfraBlessing),
            ("card", kinds.ModelEvaluation),
        )
    }
    pusher = AtomicPusher(
        **{name: importer.outputs["result"] for name, importer in sources.items()},
        push_dir=tfx.dsl.experimental.RuntimeParameter(name="push_dir", ptype=str),
        keep_versions=3,
    ).with_id("Pusher")
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image="image", use_pipeline_spec_2_1=True
        ),
        output_dir=str(tmp_path),
        output_filename="pipeline.yaml",
    )
    components = [*sources.values(), pusher]
    runner.run(tfx.dsl.Pipeline(pipeline_name="p", pipeline_root="", components=components), write_out=True)
    compiled = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    parameters = compiled["root"]["dag"]["tasks"]["Pusher"]["inputs"]["parameters"]
    assert parameters["push_dir"] == {"componentInputParameter": "push_dir"}
    assert parameters["keep_versions"] == {"runtimeValue": {"constant": 3.0}}
    executor = compiled["deploymentSpec"]["executors"][compiled["components"]["Pusher"]["executorLabel"]]
    command = executor["container"]["command"] + executor["container"]["args"]
    assert "components.serving.atomic_pusher.AtomicPusher_Executor" in command
