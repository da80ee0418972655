import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts import flink_job_server
from scripts.flink_job_server import JAR, MAIN_CLASS, main, make_job_server, manifest


def test_a_manifest_names_the_class_and_all_parts_in_short_lines() -> None:
    parts = [f"parts/beam-part-{number}-2.62.0.jar" for number in range(100)]
    written = manifest(parts)
    assert max(len(line.encode()) for line in written.split("\r\n")) <= 72
    unfolded = written.replace("\r\n ", "").split("\r\n")
    assert unfolded == ["Manifest-Version: 1.0", f"Main-Class: {MAIN_CLASS}", f"Class-Path: {' '.join(parts)}", ""]


@pytest.mark.integration
def test_java_reads_the_manifest(tmp_path: Path) -> None:
    """The part that has the class is the last of many; it is no class, and Java says so only if it has found it."""
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    parts = [f"parts/{number:04}-with-a-name-that-goes-on-and-on.jar" for number in range(50)]
    (tmp_path / "parts").mkdir()
    with zipfile.ZipFile(tmp_path / parts[-1], "w") as part:
        part.writestr(f"{MAIN_CLASS.replace('.', '/')}.class", b"no class")
    with zipfile.ZipFile(tmp_path / JAR, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", manifest(parts))
    done = subprocess.run(["java", "-jar", str(tmp_path / JAR)], capture_output=True, text=True, check=False)
    assert "ClassFormatError" in done.stderr


def test_a_job_server_that_is_there_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / JAR).write_bytes(b"made before")
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / JAR)
    assert (tmp_path / JAR).read_bytes() == b"made before"


def test_without_maven_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flink_job_server.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="no Maven"):
        make_job_server(tmp_path / "server")


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flink_job_server.shutil, "which", lambda name: name)
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file" / "servers" / "one")]) == 2
    assert "file/servers/one: cannot be written (Not a directory)" in capsys.readouterr().err


def test_what_maven_cannot_have_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[INFO] looking'\necho '[ERROR] Could not find artifact x'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(maven.parent), prepend=":")
    assert main(["--out", str(tmp_path / "servers" / "one")]) == 1
    assert "Could not find artifact x" in capsys.readouterr().err
    assert not list((tmp_path / "servers").iterdir())
