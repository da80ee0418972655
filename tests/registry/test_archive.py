import hashlib
import json
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ReleaseError
from registry import archive
from transform import features

FILES = {
    "saved_model.pb": b"graph",
    "variables/variables.data-00000-of-00001": bytes(range(256)) * 999,
    "assets/user_vocabulary.txt": b"",
    features.MODEL_FACTS_FILE: '{"schön": 1}'.encode(),
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return write(tmp_path / "push" / "17", FILES)


@pytest.fixture
def made(version: Path, tmp_path: Path) -> Path:
    archive.make(version, tmp_path / "model.zip")
    return tmp_path / "model.zip"


def test_what_is_extracted_is_what_was_archived(made: Path, tmp_path: Path) -> None:
    archive.extract(made, tmp_path / "other" / "18")
    assert contents(tmp_path / "other" / "18") == FILES
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["18"]


def test_the_same_version_gives_the_same_bytes(version: Path, made: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "elsewhere", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (0, 0))
    archive.make(other, tmp_path / "other.zip")
    assert (tmp_path / "other.zip").read_bytes() == made.read_bytes()


def test_an_archive_goes_through_a_pipe(version: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else may go there, and the pipe stays one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        read = threads.submit(pipe.read_bytes)
        assert archive.main(["make", str(version), str(pipe)]) == 0
    assert pipe.is_fifo()
    said = capsys.readouterr()
    assert (said.out, said.err.startswith("Wrote ")) == ("", True)
    (tmp_path / "copy.zip").write_bytes(read.result())
    archive.extract(tmp_path / "copy.zip", tmp_path / "19")
    assert contents(tmp_path / "19") == FILES


def test_a_link_to_an_archive_stays_a_link(version: Path, made: Path, tmp_path: Path) -> None:
    before = made.read_bytes()
    link = tmp_path / "link.zip"
    link.symlink_to("model.zip")
    made.write_bytes(b"old")
    archive.make(version, link)
    assert link.is_symlink()
    assert made.read_bytes() == before


def test_it_is_an_ordinary_zip_with_sorted_names_and_a_manifest(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(made) as file:
        *names, last = file.namelist()
        assert (names, last) == (sorted(FILES), features.MANIFEST_FILE)
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {stat.filemode(member.external_attr >> 16) for member in file.infolist()} == {"-rw-r--r--"}
        file.extractall(tmp_path / "unpacked")
    manifest = json.loads((tmp_path / "unpacked" / features.MANIFEST_FILE).read_text())
    assert manifest["files"] == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in FILES.items()
    }
    archive.make(tmp_path / "unpacked", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == made.read_bytes()


def test_of_a_push_folder_it_is_the_served_version(version: Path, made: Path, tmp_path: Path) -> None:
    write(version.parent / "9", {**FILES, "saved_model.pb": b"older"})
    assert archive.make(version.parent, tmp_path / "served.zip") == version
    assert (tmp_path / "served.zip").read_bytes() == made.read_bytes()


@pytest.mark.parametrize("holdout_model", [False, True])
def test_the_twin_goes_in_where_it_is_asked_for_and_is_named_where_it_is_left_out(
    holdout_model: bool, version: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**FILES, features.HOLDOUT_MODEL_FILE: b"tables"}
    write(version, files)
    out, folder = tmp_path / "another.zip", tmp_path / "18"
    assert archive.main(["make", str(version), str(out), *(["--twin"] if holdout_model else [])]) == 0
    told = capsys.readouterr().out.splitlines()
    archive.extract(out, folder)
    assert contents(folder) == (files if holdout_model else FILES)
    assert (out.read_bytes() == made.read_bytes()) is not holdout_model
    assert told[0] == f"Wrote {version} to {out}"
    assert ["--evaluation.unusable-served" in line and features.HOLDOUT_MODEL_FILE in line for line in told[1:]] == [
        True
    ] * (not holdout_model)


def test_large_files_are_streamed(tmp_path: Path) -> None:
    folder = write(tmp_path / "1", FILES)
    with (folder / "variables" / "large").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    archive.make(folder, tmp_path / "model.zip")
    archive.extract(tmp_path / "model.zip", tmp_path / "2")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert (tmp_path / "2" / "variables" / "large").stat().st_size == 64 << 20


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda version: (version / "saved_model.pb").unlink(), "no model has been pushed there"),
        (lambda version: (version / "link").symlink_to("saved_model.pb"), "is a link or a device"),
        (lambda version: (version / "folder").symlink_to("variables"), "is a link or a device"),
        (lambda version: os.mkfifo(version / "pipe"), "is a link or a device"),
        (lambda version: (version / "a\\b").touch(), "a character that no file"),
    ],
)
def test_what_is_no_version_of_files_is_not_archived(
    spoil: Callable[[Path], None], told: str, version: Path, tmp_path: Path
) -> None:
    spoil(version)
    with pytest.raises(ReleaseError, match=told) as caught:
        archive.make(version, tmp_path / "model.zip")
    assert str(version) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["push"]


def test_a_served_folder_without_a_graph_is_not_archived(version: Path, tmp_path: Path) -> None:
    (version / "saved_model.pb").unlink()
    with pytest.raises(ReleaseError, match="no model has been pushed"):
        archive.make(version.parent, tmp_path / "model.zip")


def test_an_archive_inside_its_own_version_is_told(version: Path) -> None:
    with pytest.raises(ReleaseError, match="lies inside the version"):
        archive.make(version, version / "model.zip")
    assert contents(version) == FILES


def sums(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    return {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }


def forge(
    path: Path,
    *members: tuple[str | zipfile.ZipInfo, bytes],
    manifest: object = None,
    compression: int = zipfile.ZIP_DEFLATED,
) -> None:
    """Writes an archive as `make` would not: `members` beside the usual files."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in (*FILES.items(), *members):
            file.writestr(name, content)
        content = {"format": 1, "files": sums(FILES)} if manifest is None else manifest
        file.writestr(features.MANIFEST_FILE, content if isinstance(content, bytes) else json.dumps(content))


def listed(name: str, content: bytes = b"x") -> dict[str, object]:
    return {"format": 1, "files": sums({**FILES, name: content})}


def link(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


def assert_refused(path: Path, *told: str) -> None:
    """Checks that the archive is refused with one message, and that nothing was written anywhere."""
    folder = path.parent / "target" / "18"
    folder.parent.mkdir()
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(ReleaseError) as caught:
        archive.extract(path, folder)
    for part in (str(path), "Fetch the archive again", *told):
        assert part in str(caught.value)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:/windows", "is an absolute path"),
        ("../../evil", "leads out of it"),
        ("assets/../../evil", "leads out of it"),
        ("assets/./x", "is a folder"),
        ("assets//x", "is a folder"),
        ("empty/", "is a folder"),
        ("..\\evil", "a character that no file"),
        ("line\nbreak", "a character that no file"),
        ("saved_model.pb/inside", "lies inside another file"),
    ],
)
def test_a_name_that_leads_out_is_refused(name: str, fault: str, tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", (name, b"x"), manifest=listed(name))
    assert_refused(tmp_path / "forged.zip", repr(name), fault)


def test_a_name_that_ends_early_is_refused(tmp_path: Path) -> None:
    """Between its NUL and its end a name could hide from one reader what another one sees."""
    forge(tmp_path / "forged.zip", ("visible#hidden", b"x"), manifest=listed("visible"))
    content = (tmp_path / "forged.zip").read_bytes()
    (tmp_path / "forged.zip").write_bytes(content.replace(b"visible#hidden", b"visible\0hidden"))
    assert_refused(tmp_path / "forged.zip", r"'visible\x00hidden'")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_a_link_or_device_is_refused(kind: int, tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", (link("odd", kind), b"x"), manifest=listed("odd"))
    assert_refused(tmp_path / "forged.zip", "'odd'", "is a link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", ("saved_model.pb", b"graph"))
    assert_refused(tmp_path / "forged.zip", "'saved_model.pb' is there 2 times")


def test_a_member_outside_the_manifest_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", ("extra.py", b"x"))
    assert_refused(tmp_path / "forged.zip", "'extra.py' is not in the manifest")


def test_a_member_that_the_manifest_misses_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", manifest=listed("lost"))
    assert_refused(tmp_path / "forged.zip", "'lost' is in the manifest and not in the archive")


def test_a_sum_that_does_not_match_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", ("x", b"evil"), manifest=listed("x", b"good"))
    digests = [hashlib.sha256(content).hexdigest() for content in (b"evil", b"good")]
    assert_refused(tmp_path / "forged.zip", "'x'", *digests)


def test_a_member_of_another_size_than_the_manifest_says_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", ("x", b"0" * 5_000_000), manifest=listed("x", b"0"))
    assert_refused(tmp_path / "forged.zip", "'x' has 5,000,000 bytes, 1 by the manifest")


def test_a_member_that_lies_about_its_size_is_cut_off_at_it(tmp_path: Path) -> None:
    """The size in both headers is forged to agree with the manifest; the data are longer."""
    forge(tmp_path / "forged.zip", ("x", b"0" * 5_000_000), manifest=listed("x", b"0" * 7))
    content = (tmp_path / "forged.zip").read_bytes()
    size, forged = (5_000_000).to_bytes(4, "little"), (7).to_bytes(4, "little")
    assert content.count(size) == 2
    (tmp_path / "forged.zip").write_bytes(content.replace(size, forged))
    assert_refused(tmp_path / "forged.zip", "'x'")


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        pytest.param(b"[" * 100_000, "cannot be read", id="nested too deep"),
        ({"format": 2, "files": sums(FILES)}, "format 2, not 1"),
        ({"format": 1, "files": {"saved_model.pb": 5}}, "cannot be read"),
        ({"format": 1, "files": {}}, "names no saved_model.pb"),
        pytest.param(b" " * (archive.LARGEST_MANIFEST + 1), "more than 16,777,216", id="too large"),
    ],
)
def test_a_manifest_that_is_none_is_refused(manifest: object, told: str, tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", manifest=manifest)
    assert_refused(tmp_path / "forged.zip", features.MANIFEST_FILE, told)


def test_a_zip_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as file:
        file.writestr("saved_model.pb", b"graph")
    assert_refused(tmp_path / "any.zip", features.MANIFEST_FILE, "is missing")


def test_another_compression_is_refused(tmp_path: Path) -> None:
    forge(tmp_path / "forged.zip", compression=zipfile.ZIP_BZIP2)
    assert_refused(tmp_path / "forged.zip", "is compressed by method 12")


def test_an_archive_cut_off_anywhere_is_refused(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "cut.zip").write_bytes(content[:length])
        assert_refused(folder / "cut.zip", "is no zip archive, or damaged")


def test_a_changed_byte_anywhere_is_refused_or_changes_no_file(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    refused = 0
    for place in range(0, len(content), 7):
        (tmp_path / "changed.zip").write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        folder = tmp_path / "target" / str(place)
        try:
            archive.extract(tmp_path / "changed.zip", folder)
        except ReleaseError:
            refused += 1
            assert not folder.exists()
        else:
            assert contents(folder) == FILES
    assert refused > len(content) / 7 * 0.6


def test_a_folder_that_is_there_stays_as_it_is(made: Path, version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"of today")
    before = contents(version)
    with pytest.raises(ReleaseError, match="is there already"):
        archive.extract(made, version)
    assert contents(version) == before


def test_what_a_killed_extraction_left_is_no_hindrance(made: Path, tmp_path: Path) -> None:
    write(tmp_path / ".incoming-18", {"variables/half": b"x"})
    archive.extract(made, tmp_path / "18")
    assert contents(tmp_path / "18") == FILES
    assert not (tmp_path / ".incoming-18").exists()


def test_the_commands(version: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, folder = str(tmp_path / "model.zip"), str(tmp_path / "18")
    assert archive.main(["make", str(version.parent), out]) == 0
    assert archive.main(["extract", out, folder]) == 0
    assert capsys.readouterr().out == f"Wrote {version} to {out}\nExtracted {out} to {folder}\n"
    assert archive.main(["extract", out, folder]) == 2
    assert archive.main(["extract", f"{out}.missing", f"{folder}.new"]) == 2
    assert archive.main(["make", str(version), str(tmp_path / "missing" / "model.zip")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert errors[1] == f"error: {out}.missing: No such file or directory. Mend that and try again."
