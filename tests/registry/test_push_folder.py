"""The push folder, on a file system and in an object store."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import ReleaseError
from registry.push_folder import GRAPH_FILE, PushFolder, is_version, timestamp
from storage import locations
from storage.json_files import write_json
from tests.gcs_server import BUCKET, gcs_server
from tests.s3_server import Bucket

FILES = ("assets.extra/readalike.json", "saved_model.pb", "variables/variables.index")


@pytest.fixture(params=["local", *(pytest.param(store, marks=pytest.mark.integration) for store in ("s3", "gs"))])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PushFolder]:
    if request.param == "local":
        yield PushFolder(str(tmp_path / "push"))
    elif request.param == "gs":
        with gcs_server() as (endpoint, _), pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", endpoint)
            yield PushFolder(f"gs://{BUCKET}/push")
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        yield PushFolder(f"s3://{bucket.name}/push")


@pytest.fixture
def local(tmp_path: Path) -> PushFolder:
    return PushFolder(str(tmp_path))


def write(folder: PushFolder, version: str, names: tuple[str, ...] = FILES) -> None:
    for name in names:
        write_json({"version": version, "name": name}, f"{folder.path(version)}/{name}")


def contents(folder: PushFolder, version: str) -> dict[str, str]:
    path = folder.path(version)
    return {name: locations.read_bytes(f"{path}/{name}").decode() for name in locations.files(path)}


def names(folder: PushFolder) -> set[str]:
    return {entry.name for entry in locations.entries(folder.location)}


@pytest.mark.parametrize(
    ("name", "expected"), [("17", True), ("", False), ("-4", False), ("v3", False), ("1.2", False), ("²", False)]
)
def test_a_version_is_a_name_of_digits(name: str, expected: bool) -> None:
    assert is_version(name) is expected


def test_what_is_not_there_has_no_versions(folder: PushFolder) -> None:
    assert folder.versions() == []
    assert folder.served() is None
    assert folder.prune(1) == []


def test_whole_versions_stand_in_the_order_of_numbers_and_the_highest_is_served(folder: PushFolder) -> None:
    for version in ("10", "9", "100", ".incoming-5", "latest"):
        write(folder, version)
    write(folder, "200", names=("variables/variables.index",))
    assert folder.versions() == ["9", "10", "100"]
    assert folder.served() == "100"


def test_a_copy_has_the_bytes_of_its_original_and_the_notes_and_is_served(folder: PushFolder) -> None:
    write(folder, "9")
    write(folder, "12")
    before = {version: contents(folder, version) for version in ("9", "12")}
    assert folder.copy("9", {"assets.extra/note.json": {"why": "é"}}) == "13"
    copied = contents(folder, "13")
    assert "é" in copied.pop("assets.extra/note.json")
    assert copied == before["9"]
    assert folder.served() == "13"
    assert {version: contents(folder, version) for version in ("9", "12")} == before
    assert names(folder) == {"9", "12", "13"}


def test_a_copy_goes_over_numbers_that_are_no_whole_version(folder: PushFolder) -> None:
    write(folder, "9")
    write(folder, "20", names=("variables/variables.index",))
    assert folder.copy("9", {}) == "21"


def watched(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    copy = locations.copy_file

    def watched_copy(source: str, target: str) -> None:
        before(source)
        copy(source, target)

    monkeypatch.setattr(locations, "copy_file", watched_copy)


def test_no_whole_version_is_visible_while_files_are_copied(
    folder: PushFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "9")
    visible: list[list[str]] = []
    watched(monkeypatch, lambda source: visible.append(folder.versions()))
    folder.copy("9", {})
    assert visible == [["9"]] * len(FILES)


def test_a_copy_that_fails_leaves_nothing(folder: PushFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str) -> None:
        if source.endswith("variables.index"):
            raise OSError("disk full")

    write(folder, "9")
    watched(monkeypatch, fail)
    with pytest.raises(OSError, match="disk full"):
        folder.copy("9", {})
    assert names(folder) == {"9"}


def test_an_original_that_is_removed_meanwhile_gives_no_half_copy(
    local: PushFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(local, "9")
    write(local, "12")
    monkeypatch.setattr(locations, "files", lambda source: (shutil.rmtree(source), [])[1])
    with pytest.raises(ReleaseError, match="was removed while it was copied"):
        local.copy("9", {})
    assert names(local) == {"12"}


def test_what_is_published_gets_its_number_or_the_next_above_the_served(local: PushFolder) -> None:
    for staged, number, expected in (("a", 50, "50"), ("b", 50, "51"), ("c", 7, "52"), ("d", 0, "53")):
        write(local, staged)
        assert local.publish(local.path(staged), number) == expected
        assert local.served() == expected


@pytest.mark.parametrize(("keep", "removed"), [(0, []), (1, ["8", "9", "10"]), (2, ["8", "9"]), (4, []), (9, [])])
def test_prune_removes_the_oldest_whole_versions_and_never_the_served(
    keep: int, removed: list[str], folder: PushFolder
) -> None:
    for version in ("9", "10", "8", "11"):
        write(folder, version)
    assert folder.prune(keep) == removed
    assert names(folder) == {"8", "9", "10", "11"} - set(removed)


def test_prune_takes_away_what_makes_a_version_before_anything_else(
    folder: PushFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("8", "9"):
        write(folder, version)

    def stop(path: str) -> None:
        assert "8" in path
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(locations, "remove_folder", stop)
        with pytest.raises(KeyboardInterrupt):
            folder.prune(1)
    assert folder.versions() == ["9"]
    if not folder.remote:
        assert names(folder) == {".pruned-8", "9"}
        folder.prune(1)
        assert names(folder) == {"9"}


def test_leftovers_go_when_nothing_in_them_changed_for_an_hour(local: PushFolder) -> None:
    write(local, "9")
    for name in (".incoming-1", ".incoming-2", ".incoming-3", ".pruned-4", "backup"):
        write(local, name)
    old = time.time() - 7200
    for name in (".incoming-1", ".incoming-2", "backup"):
        for path in (Path(local.path(name)), *Path(local.path(name)).rglob("*")):
            os.utime(path, (old, old))
    os.utime(f"{local.path('.incoming-2')}/saved_model.pb")
    local.remove_leftovers()
    assert names(local) == {"9", ".incoming-2", ".incoming-3", "backup"}


@pytest.mark.integration
def test_in_an_object_store_half_versions_are_leftovers_too(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = PushFolder(f"s3://{bucket.name}")
    write(remote, "9")
    write(remote, "8", names=("variables/variables.index",))
    remote.remove_leftovers()
    assert contents(remote, "8")
    later = time.time() + 7200
    monkeypatch.setattr("registry.push_folder.time.time", lambda: later)
    remote.remove_leftovers()
    assert remote.versions() == ["9"]
    assert contents(remote, "8") == {}


@pytest.mark.integration
def test_no_empty_object_is_left_that_a_server_would_take_for_a_version(bucket: Bucket) -> None:
    """pyarrow makes objects that stand for folders where it is asked to make folders, or removes something."""
    remote = PushFolder(f"s3://{bucket.name}/push")
    for version in ("8", "9"):
        write(remote, version)
    remote.copy("9", {})
    remote.prune(1)
    assert sorted(bucket.names()) == ["push/", *(f"push/10/{name}" for name in FILES)]
    assert names(remote) == {"10"}


@pytest.mark.integration
def test_a_model_is_pushed_from_one_kind_of_storage_to_another(bucket: Bucket, local: PushFolder) -> None:
    remote = PushFolder(f"s3://{bucket.name}/push")
    write(local, "9")
    assert remote.push(local.path("9"), {"assets.extra/note.json": {"why": "é"}}, number=70) == "70"
    assert contents(remote, "70").pop("assets.extra/note.json") == '{\n  "why": "é"\n}\n'
    assert local.push(remote.path("70"), {}) == "10"
    assert contents(local, "10") == contents(remote, "70")


def test_what_is_no_model_is_not_pushed(folder: PushFolder, tmp_path: Path) -> None:
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "variables" / "variables.index").touch()
    with pytest.raises(ReleaseError, match="is no whole model"):
        folder.push(str(tmp_path / "model"), {})
    assert names(folder) == set()


def test_a_persons_numbered_folder_that_is_no_model_is_left_alone(local: PushFolder) -> None:
    write(local, "9")
    write(local, "2024", names=("notes.json",))
    os.utime(f"{local.path('2024')}/notes.json", (0, 0))
    os.utime(local.path("2024"), (0, 0))
    assert local.prune(1) == []
    assert names(local) == {"9", "2024"}


def test_times_are_in_utc() -> None:
    assert timestamp(1_800_000_000.9) == "2027-01-15T08:00:00Z"


def test_a_folder_whose_number_tf_serving_cannot_read_is_no_version(tmp_path: Path) -> None:
    for name in ("7", "9" * 20, str(2**63)):
        (tmp_path / name).mkdir()
        (tmp_path / name / GRAPH_FILE).write_bytes(b"graph")
    folder = PushFolder(str(tmp_path))
    assert folder.versions() == ["7"]
    assert folder.copy("7", {}) == "8"
    assert folder.served() == "8"


def test_after_the_highest_number_nothing_is_pushed(tmp_path: Path) -> None:
    version = tmp_path / str(2**63 - 1)
    version.mkdir()
    (version / GRAPH_FILE).write_bytes(b"graph")
    with pytest.raises(ReleaseError, match="the highest that TF Serving can read"):
        PushFolder(str(tmp_path)).copy(version.name, {})
    assert [path.name for path in tmp_path.iterdir()] == [version.name]


def test_links_and_files_that_stand_where_folders_do_harm_nothing_that_they_name(
    local: PushFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = PushFolder(str(tmp_path_factory.mktemp("elsewhere")))
    write(elsewhere, "5")
    here = Path(local.location)
    (here / "5").symlink_to(elsewhere.path("5"))
    (here / "9").symlink_to("nowhere")
    (here / ".incoming-1").symlink_to("nowhere")
    (here / ".pruned-2").symlink_to(elsewhere.path("5"))
    (here / ".pruned-3").write_text("a file")
    write(local, "7")
    assert local.versions() == ["5", "7"]
    assert local.served() == "7"
    assert local.prune(1) == ["5"]
    assert names(local) == {"7", "9"}
    assert contents(elsewhere, "5").keys() == set(FILES)
    write(PushFolder(str(here / "model")), "1")
    assert local.push(str(here / "model" / "1"), {}) == "10"
