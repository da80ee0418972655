from pathlib import Path

import pytest

from scripts.bootstrap import apt
from scripts.bootstrap.commands import Commands, SetupError

# Stands in for apt-get: fails where it is told to, and "downloads" into the folder it runs in.
APT_GET = """#!/bin/sh
for word in "$@"; do
    case $word in
        update) {update} ;;
        download) {download} ;;
    esac
done
"""


@pytest.fixture
def host_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "etc-apt"
    folder.mkdir()
    (folder / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    monkeypatch.setattr(apt, "APT_FOLDER", folder)
    return folder


def pretend_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, update: str, download: str) -> None:
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(APT_GET.format(update=update, download=download))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def fetch(tmp_path: Path) -> list[Path]:
    return apt.download(["libc6"], tmp_path / "apt", "bookworm", "trixie", Commands(tmp_path / "log"))


@pytest.mark.usefixtures("host_folder")
def test_a_source_that_fails_does_not_matter_where_the_packages_come_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_apt(tmp_path, monkeypatch, update="exit 100", download="touch libc6_2.41_amd64.deb")
    assert [file.name for file in fetch(tmp_path)] == ["libc6_2.41_amd64.deb"]
    assert "trixie" in (tmp_path / "apt" / "sources.list.d" / "sources.list").read_text()


@pytest.mark.usefixtures("host_folder")
def test_the_first_failure_is_told_where_no_package_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_apt(tmp_path, monkeypatch, update="echo mirror unreachable; exit 100", download="exit 100")
    with pytest.raises(SetupError, match="mirror unreachable"):
        fetch(tmp_path)


def test_a_host_without_a_source_of_its_release_is_told(tmp_path: Path, host_folder: Path) -> None:
    (host_folder / "sources.list").write_text("deb http://mirror.example/debian stretch main\n")
    with pytest.raises(SetupError, match=r"no source in .* is of the release 'bookworm'"):
        fetch(tmp_path)
