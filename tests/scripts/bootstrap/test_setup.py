import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.project import ROOT
from scripts.bootstrap import host, private_runtime, setup
from scripts.bootstrap.commands import Commands, SetupError
from scripts.bootstrap.lock import publish


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
    (project / "scripts" / "bootstrap" / "doctor.py").write_text("# changed")
    assert setup.stamp(project) == second
    (project / "scripts" / "bootstrap" / "setup.py").write_text("# changed")
    assert setup.stamp(project) not in (first, second)


@pytest.mark.integration
def test_every_module_of_the_set_up_counts_for_the_stamp() -> None:
    program = "import sys, scripts.bootstrap.setup; print(*sorted(n for n in sys.modules if n.startswith('scripts.b')))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(
        ["scripts.bootstrap", *(f"scripts.bootstrap.{name.removesuffix('.py')}" for name in setup.SOURCES)]
    )


@pytest.mark.integration
def test_an_environment_counts_only_with_its_stamp_and_a_python_that_starts(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(sys.executable)
    assert not setup.is_current(tmp_path, "abc")
    (tmp_path / setup.STAMP_FILE).write_text("ab")
    assert not setup.is_current(tmp_path, "abc")
    (tmp_path / setup.STAMP_FILE).write_text("abc")
    assert setup.is_current(tmp_path, "abc")
    python.unlink()
    assert not setup.is_current(tmp_path, "abc")


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-up is broken off before it downloads anything."""

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "provide_uv", kill)
    monkeypatch.setattr(host, "build_faults", list)


@pytest.mark.usefixtures("killed")
def test_an_environment_does_not_count_from_the_moment_it_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / setup.STAMP_FILE).write_text("old")
    with pytest.raises(KeyboardInterrupt):
        setup.build(tmp_path, "new", tmp_path / "cache", Commands(tmp_path / "log"))
    assert not (tmp_path / setup.STAMP_FILE).exists()


@pytest.mark.usefixtures("killed")
def test_an_environment_that_another_checkout_lends_by_a_link_stays_as_it_is(tmp_path: Path) -> None:
    lent, link = tmp_path / "lent", tmp_path / ".venv"
    lent.mkdir()
    (lent / setup.STAMP_FILE).write_text("old")
    link.symlink_to(lent)
    with pytest.raises(KeyboardInterrupt):
        setup.build(link, "new", tmp_path / "cache", Commands(tmp_path / "log"))
    assert not link.exists()
    assert (lent / setup.STAMP_FILE).read_text() == "old"


@pytest.mark.integration
def test_the_lock_is_held_until_the_last_program_of_a_killed_set_up_ends(tmp_path: Path) -> None:
    program = (
        "import fcntl, sys; from pathlib import Path; from scripts.bootstrap.commands import Commands\n"
        "lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "Commands(Path(sys.argv[2]), [lock.fileno()]).run(['sh', '-c', 'echo started; exec cat ' + sys.argv[3]])\n"
    )
    lock, log, end = tmp_path / "lock", tmp_path / "log", tmp_path / "end"
    os.mkfifo(end)
    parent = subprocess.Popen([sys.executable, "-c", program, lock, log, end], cwd=ROOT)
    while not (log.exists() and "\nstarted" in log.read_text()):
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    with lock.open("w") as again:
        with pytest.raises(BlockingIOError):
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end.write_text("")  # The program reads until somebody has written.
        fcntl.flock(again, fcntl.LOCK_EX)


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "project").write_text("a file where a folder should be")
    monkeypatch.setattr(setup, "ROOT", tmp_path / "project")
    assert setup.main() == 1
    assert "must be writable" in capsys.readouterr().err


def test_this_environment_runs_on_a_c_library_that_is_new_enough() -> None:
    assert host.glibc_version() >= host.NEEDED_GLIBC


@pytest.mark.integration
@pytest.mark.parametrize("code", ["import os; print(os.environ['TF_USE_LEGACY_KERAS'])", "import pipeline; print(1)"])
def test_any_process_of_the_environment_finds_legacy_keras_and_the_project(code: str, tmp_path: Path) -> None:
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1", done.stderr


def refuse(tmp_path: Path) -> str:
    with pytest.raises(SetupError) as caught:
        private_runtime.provide(tmp_path / "glibc", tmp_path / "cache", Commands(tmp_path / "log"))
    message = str(caught.value)
    assert "Needed: Linux on x86_64 with glibc 2.39" in message
    for way in ("Debian 13", "container image", "host with apt-get"):
        assert way in message
    assert not (tmp_path / "glibc").exists()
    return message


def test_a_host_without_apt_is_told_what_it_has_what_is_needed_and_the_three_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "glibc_version", lambda: (2, 34))
    message = refuse(tmp_path)
    assert "glibc 2.34" in message
    assert "Why not: this host has no apt-get" in message


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")], ids=["macOS", "other processor"]
)
def test_another_kind_of_machine_is_told_the_same(
    system: str, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert f"Why not: this is {system} on {machine}" in refuse(tmp_path)
    with pytest.raises(SetupError, match=f"this is {system} on {machine}"):
        setup.build(tmp_path / "environment", "stamp", tmp_path / "cache", Commands(tmp_path / "log"))


def test_an_unreachable_mirror_is_told_the_same_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> list[Path]:
        raise SetupError("apt-get failed (100): no route to host")

    monkeypatch.setattr(private_runtime.apt, "is_available", lambda: True)
    monkeypatch.setattr(private_runtime.apt, "download", unreachable)
    monkeypatch.setattr(host, "codename", lambda: "bookworm")
    assert "no route to host" in refuse(tmp_path)
    monkeypatch.setattr(host, "codename", lambda: "rhodium")
    assert "no newer release is known for 'rhodium'" in refuse(tmp_path)


@pytest.mark.parametrize(
    ("text", "codename"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n', "bookworm"),
        ("VERSION_CODENAME=wilma\nUBUNTU_CODENAME=jammy\n", "jammy"),
        ("ID=other\n", ""),
    ],
    ids=["Debian", "derived from Ubuntu", "other"],
)
def test_the_release_is_the_one_whose_packages_fit(
    text: str, codename: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "os-release"
    file.write_text(text)
    fields = host.os_release(file)
    monkeypatch.setattr(host, "os_release", lambda: fields)
    assert host.codename() == codename


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
        setup.build(tmp_path / "environment", "stamp", tmp_path / "cache", Commands(tmp_path / "log"))
    assert not (tmp_path / "environment").exists()


@pytest.mark.integration
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


def find_python(**env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(ROOT / "scripts" / "python.sh")],
        env={name: value for name, value in os.environ.items() if name != "PYTHON"} | env,
        capture_output=True,
        text=True,
        check=False,
    )


def base_python() -> Path:
    return Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}"


@pytest.mark.integration
def test_python_is_found_by_starting_it_and_a_broken_one_hides_no_other(tmp_path: Path) -> None:
    for name in ("python3.10", "python3.11", "python3.12", "python3.13", "python3"):
        shim = tmp_path / "shims" / name
        shim.parent.mkdir(exist_ok=True)
        shim.write_text("#!/bin/sh\nexit 127\n")
        shim.chmod(0o755)
    installed = tmp_path / "pyenv" / "versions" / f"3.{sys.version_info[1]}.0" / "bin" / "python3"
    installed.parent.mkdir(parents=True)
    installed.write_text(f'#!/bin/sh\nexec "{base_python()}" "$@"\n')
    installed.chmod(0o755)
    done = find_python(PATH=f"{tmp_path / 'shims'}:/usr/bin:/bin", PYENV_ROOT=str(tmp_path / "pyenv"))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_absolute()
    assert "shims" not in done.stdout


@pytest.mark.integration
def test_an_activated_environment_is_never_what_the_environment_is_made_from() -> None:
    assert sys.prefix != sys.base_prefix
    assert find_python(PYTHON=sys.executable).stdout.strip() == str(base_python())
    activated = find_python(PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin").stdout.strip()
    assert activated
    assert not Path(activated).is_relative_to(ROOT)


@pytest.mark.integration
def test_a_python_in_a_folder_with_a_space_can_be_named(tmp_path: Path) -> None:
    named = tmp_path / "a folder" / "python"
    named.parent.mkdir()
    named.write_text(f'#!/bin/sh\nexec "{base_python()}" "$@"\n')
    named.chmod(0o755)
    assert find_python(PYTHON=str(named)).stdout.strip() == str(base_python())


@pytest.mark.integration
def test_without_a_usable_python_the_remedy_is_told(tmp_path: Path) -> None:
    done = find_python(PYTHON=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "3.10 to 3.13" in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_a_lock_with_an_address_is_refused(tmp_path: Path) -> None:
    resolved, lock = tmp_path / "resolved", tmp_path / "lock"
    lock.write_text("old")
    resolved.write_text("--index-url https://registry.example/simple\n")
    with pytest.raises(SetupError, match=r"registry\.example"):
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
