import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.errors import ReleaseError
from registry import release
from registry.push_folder import PushFolder
from registry.push_history import read_history, read_release, roll_back
from transform import features

NOW = 1_800_000_000.0
DIGEST = "ab12" * 16


def write_version(push_dir: Path, version: str, recall: float | None = None) -> None:
    files: dict[str, Any] = {
        "saved_model.pb": f"graph of {version}",
        features.MODEL_FACTS_FILE: {"train_interactions": 1000, "heldout_interactions": 234, "recipe": {"epochs": 9}},
    }
    if recall is not None:
        measured = {"recall_at_20": {"value": recall, "low": recall - 0.01, "high": recall + 0.01}}
        files[features.RELEASE_NOTE_FILE] = {
            "pushed_at": f"2026-01-{int(version):02}T00:00:00Z",
            "data_sha256": DIGEST,
            "measured": measured,
        }
    for name, content in files.items():
        path = push_dir / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def push_dir(tmp_path: Path) -> Path:
    """Three versions; the oldest is of before there were notes."""
    for version, recall in (("8", None), ("9", 0.21), ("10", 0.2)):
        write_version(tmp_path, version, recall)
    os.utime(tmp_path / "8" / "saved_model.pb", (NOW, NOW))
    return tmp_path


def ask(push_dir: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert release.main([*arguments, "--push-dir", str(push_dir)]) == 0
    return capsys.readouterr().out


def refused(push_dir: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert release.main([*arguments, "--push-dir", str(push_dir)]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1
    return said.err


def graph(push_dir: Path, version: str) -> str:
    return (push_dir / version / "saved_model.pb").read_text()


def test_the_list_has_all_versions_with_time_quality_and_data(
    push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = json.loads(ask(push_dir, capsys, "list", "--json"))
    assert first == {
        "version": "8",
        "served": False,
        "pushed_at": "2027-01-15T08:00:00Z",
        "recall_at_20": None,
        "interactions": 1234,
        "data_sha256": None,
        "copy_of": None,
        "rolled_back_from": None,
        "damage": None,
    }
    assert (second["version"], second["served"], second["recall_at_20"]) == ("9", False, 0.21)
    assert (third["version"], third["served"], third["recall_at_20"]) == ("10", True, 0.2)
    assert third["pushed_at"] == "2026-01-10T00:00:00Z"
    assert third["data_sha256"] == DIGEST


def test_a_person_sees_a_line_a_version(push_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, *lines = ask(push_dir, capsys, "list").splitlines()
    assert header.split() == ["version", "pushed", "Recall@20", "interactions", "data"]
    assert [line.split() for line in lines] == [
        ["8", "2027-01-15T08:00:00Z", "1,234"],
        ["9", "2026-01-09T00:00:00Z", "0.2100", "1,234", DIGEST[:12]],
        ["10", "2026-01-10T00:00:00Z", "0.2000", "1,234", DIGEST[:12], "served"],
    ]


def test_show_has_every_fact_of_the_served_version_or_the_named_one(
    push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = json.loads(ask(push_dir, capsys, "show", "--json"))
    assert shown["version"] == "10"
    assert shown["facts"]["recipe"] == {"epochs": 9}
    assert shown["measured"]["recall_at_20"]["value"] == 0.2
    text = ask(push_dir, capsys, "show", "9")
    assert ["facts.recipe.epochs", "9"] in [line.split() for line in text.splitlines()]
    assert ["measured.recall_at_20.value", "0.21"] in [line.split() for line in text.splitlines()]


def test_a_damaged_file_of_facts_spoils_only_its_own_line(push_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = push_dir / "9" / features.MODEL_FACTS_FILE
    file.write_text("{")
    listed = json.loads(ask(push_dir, capsys, "list", "--json"))
    assert [bool(version["damage"]) for version in listed] == [False, True, False]
    assert listed[1]["recall_at_20"] == 0.21
    assert str(file) in refused(push_dir, capsys, "show", "9")


def test_a_rollback_serves_the_model_before_under_a_higher_number_and_removes_nothing(
    push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in push_dir.rglob("*") if path.is_file()}
    assert "Version 11, a copy of 9, is served in place of 10" in ask(push_dir, capsys, "rollback")
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in push_dir.iterdir()} == {"8", "9", "10", "11"}
    assert graph(push_dir, "11") == graph(push_dir, "9")
    copied = read_release(PushFolder(str(push_dir)), "11")
    assert (copied.origin, copied.served, copied.recall) == ("9", True, 0.21)
    assert copied.rollback["rolled_back_from"] == "10"
    assert ask(push_dir, capsys, "list").splitlines()[-1].rstrip().endswith("served; copy of 9")


def test_each_further_rollback_goes_further_back_and_never_to_what_was_rolled_back_from(push_dir: Path) -> None:
    folder = PushFolder(str(push_dir))
    assert roll_back(folder, NOW).origin == "9"
    assert roll_back(folder, NOW).origin == "8"
    with pytest.raises(ReleaseError, match="version 12, a copy of 8, is served, and there is none before it"):
        roll_back(folder, NOW)
    assert [version.version for version in read_history(folder)] == ["8", "9", "10", "11", "12"]


def test_a_rollback_after_a_push_on_top_of_a_rollback_goes_to_what_was_served_before_the_push(push_dir: Path) -> None:
    folder = PushFolder(str(push_dir))
    roll_back(folder, NOW)
    write_version(push_dir, "20", 0.1)
    assert roll_back(folder, NOW).origin == "9"
    assert roll_back(folder, NOW).origin == "8"


def test_a_rollback_to_a_version_serves_that_one(push_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(push_dir, capsys, "rollback", "--to", "8")
    assert graph(push_dir, "11") == graph(push_dir, "8")
    ask(push_dir, capsys, "rollback", "--to", "10")
    assert graph(push_dir, "12") == graph(push_dir, "10")
    assert read_release(PushFolder(str(push_dir)), "12").pushed_at > "2026-02"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rollback", "--to", "10"], "--to 10: that version is served already"),
        (["rollback", "--to", "7"], "no whole version 7. Those that are there: 8, 9, 10"),
        (["show", "7"], "no whole version 7"),
    ],
)
def test_a_version_that_cannot_be_meant_is_told(
    arguments: list[str], told: str, push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(push_dir, capsys, *arguments)
    assert {path.name for path in push_dir.iterdir()} == {"8", "9", "10"}


@pytest.mark.parametrize("arguments", [["list"], ["show"], ["rollback"], ["prune", "--keep", "1"]])
@pytest.mark.parametrize("name", ["", "missing"])
def test_an_empty_or_missing_push_folder_is_told(
    name: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no model has been pushed there" in refused(tmp_path / name, capsys, *arguments)


def test_an_address_that_cannot_be_reached_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["list", "--push-dir", "nowhere://bucket/push"]) == 2
    assert "nowhere://bucket/push: the scheme nowhere:// is not known" in capsys.readouterr().err


def test_prune_keeps_the_newest_and_says_what_went(push_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Removed 8, 9. Served: 10" in ask(push_dir, capsys, "prune", "--keep", "1")
    assert [path.name for path in push_dir.iterdir()] == ["10"]
    assert "Removed nothing" in ask(push_dir, capsys, "prune", "--keep", "1")


@pytest.mark.parametrize("keep", ["0", "-1", "two", "²"])
def test_to_keep_less_than_the_served_version_is_told(
    keep: str, push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        release.main(["prune", f"--keep={keep}", "--push-dir", str(push_dir)])
    assert f"{keep}: is no number from 1 up" in capsys.readouterr().err
    assert len(list(push_dir.iterdir())) == 3


ODD_NOTES = {
    "markup": {"copy_of": "[/]", "rolled_back_from": "10", "rolled_back_at": "2026-01-11T00:00:00Z"},
    "no version": {"copy_of": "x", "rolled_back_from": "10", "rolled_back_at": "2026-01-11T00:00:00Z"},
    "number for text": {"copy_of": 9, "rolled_back_from": "10", "rolled_back_at": "2026-01-11T00:00:00Z"},
    "more digits than a version has": {"copy_of": "9" * 5000, "rolled_back_from": "10", "rolled_back_at": ""},
    "field missing": {"copy_of": "9"},
}


@pytest.mark.parametrize("note", ODD_NOTES.values(), ids=ODD_NOTES.keys())
def test_an_odd_note_of_a_rollback_is_told_and_passed_over(
    note: dict[str, Any], push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = push_dir / "10" / features.ROLLBACK_FILE
    path.write_text(json.dumps(note))
    assert str(path) in ask(push_dir, capsys, "list")
    assert str(path) in json.loads(ask(push_dir, capsys, "list", "--json"))[-1]["damage"]
    said = ask(push_dir, capsys, "rollback")
    assert f"Passed over: {path}" in said
    assert graph(push_dir, "11") == "graph of 9"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (features.RELEASE_NOTE_FILE, '{"data_sha256": 5}'),
        (features.RELEASE_NOTE_FILE, '{"pushed_at": ["2026"]}'),
        (features.RELEASE_NOTE_FILE, '{"measured": 1}'),
        (features.RELEASE_NOTE_FILE, '{"serving": ' + '{"a": ' * 100 + "1" + "}" * 101),
        (features.RELEASE_NOTE_FILE, '{"serving": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        (features.MODEL_FACTS_FILE, '{"train_interactions": "many"}'),
        (features.MODEL_FACTS_FILE, '{"train_interactions": true}'),
        (features.MODEL_FACTS_FILE, '["[/bold]"]'),
    ],
)
def test_an_odd_note_of_any_kind_does_not_end_the_list_or_a_rollback(
    name: str, text: str, push_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (push_dir / "9" / name).write_text(text)
    assert str(push_dir / "9" / name) in ask(push_dir, capsys, "list")
    assert str(push_dir / "9" / name) in refused(push_dir, capsys, "show", "9")
    ask(push_dir, capsys, "rollback")
    assert graph(push_dir, "11") == "graph of 9"
