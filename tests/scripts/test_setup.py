import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import host, private_runtime, setup
from scripts.commands import Commands, SetupError
from scripts.lock import publish

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    return tmp_path


def test_the_stamp_changes_with_the_lock_the_code_and_the_place(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = setup.stamp(project)
    assert setup.stamp(project) == first
    moved = tmp_path_factory.mktemp("moved") / "project"
    shutil.copytree(project, moved)
    assert setup.stamp(moved) != first
    with (project / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    second = setup.stamp(project)
    assert second != first
    (project / "scripts" / "setup.py").write_text("# changed")
    assert setup.stamp(project) not in (first, second)


def test_an_environment_counts_only_with_its_stamp(tmp_path: Path) -> None:
    assert not setup.is_current(tmp_path, "abc")
    (tmp_path / setup.STAMP_FILE).write_text("ab")
    assert not setup.is_current(tmp_path, "abc")
    (tmp_path / setup.STAMP_FILE).write_text("abc")
    assert setup.is_current(tmp_path, "abc")


def test_this_environment_runs_on_a_c_library_that_is_new_enough() -> None:
    assert host.glibc_version() >= host.NEEDED_GLIBC


@pytest.mark.parametrize("code", ["import os; print(os.environ['TF_USE_LEGACY_KERAS'])", "import pipeline; print(1)"])
def test_any_process_of_the_environment_finds_legacy_keras_and_the_project(code: str, tmp_path: Path) -> None:
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1", done.stderr


def test_a_host_without_apt_is_told_what_it_has_what_is_needed_and_the_three_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError) as caught:
        private_runtime.provide(tmp_path / "glibc", tmp_path / "cache", Commands(tmp_path / "log"))
    message = str(caught.value)
    assert f"glibc {host.glibc_version()[0]}.{host.glibc_version()[1]}" in message
    assert "Needed: glibc 2.39" in message
    assert "no apt-get" in message
    for way in ("Debian 13", "container image", "host with apt-get"):
        assert way in message
    assert not (tmp_path / "glibc").exists()


def test_a_complete_runtime_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "glibc").mkdir()
    (tmp_path / "glibc" / "complete").touch()
    libraries = private_runtime.provide(tmp_path / "glibc", tmp_path / "cache", Commands(tmp_path / "log"))
    assert libraries.is_relative_to(tmp_path / "glibc")


def test_a_missing_compiler_is_told_before_anything_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert any("C++ compiler" in fault for fault in host.build_faults())
    with pytest.raises(SetupError, match=r"C\+\+ compiler"):
        setup.build(tmp_path / "environment", tmp_path / "cache", "stamp")
    assert not (tmp_path / "environment").exists()


@pytest.mark.skipif(platform.system() != "Linux", reason="the project runs on Linux only")
def test_a_failing_program_is_told_by_its_last_lines(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "log")
    program = "for i in range(99): print('line', i)\nraise SystemExit(3)"
    with pytest.raises(SetupError) as caught:
        commands.run([sys.executable, "-c", program])
    assert "failed (3)" in str(caught.value)
    assert "line 98" in str(caught.value)
    assert "line 50\n" not in str(caught.value)
    assert "line 50\n" in (tmp_path / "log").read_text()
    with pytest.raises(SetupError, match="cannot be started"):
        commands.run([tmp_path / "nothing"])


def find_python(choice: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(ROOT / "scripts" / "python.sh")],
        env={**os.environ, "PYTHON": choice},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python_is_found_by_starting_it(tmp_path: Path) -> None:
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}"
    assert find_python(f"{broken} {base}").stdout.strip() == str(base)


def test_without_a_usable_python_the_remedy_is_told(tmp_path: Path) -> None:
    done = find_python(str(tmp_path / "none"))
    assert done.returncode == 1
    assert "3.10 to 3.13" in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_a_lock_with_an_address_is_refused(tmp_path: Path) -> None:
    resolved, lock = tmp_path / "resolved", tmp_path / "lock"
    lock.write_text("old")
    resolved.write_text("--index-url https://registry.example/simple\n")
    with pytest.raises(ValueError, match=r"registry\.example"):
        publish(resolved, lock)
    assert lock.read_text() == "old"


def test_the_lock_pins_every_package_with_hashes_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    entries = [
        entry for entry in text.replace("\\\n", " ").splitlines() if entry and not entry.lstrip().startswith("#")
    ]
    assert len(entries) > 100
    for entry in entries:
        assert "==" in entry, entry
        assert "--hash=sha256:" in entry, entry
