"""Prints facts about this machine and its faults: `make doctor`. Standard library only."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.bootstrap import host, private_runtime
from scripts.bootstrap.setup import ROOT, STAMP_FILE, is_current, stamp

PACKAGES: Final = (
    "tfx",
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "apache-beam",
    "ml-metadata",
    "pyarrow",
    "kfp",
)
VARIABLES: Final = (
    "PYTHON",
    "TF_USE_LEGACY_KERAS",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "LD_LIBRARY_PATH",
    "READALIKE_PSEUDONYM_KEY_FILE",
)
MISSING: Final = "missing"
NEEDED_MEMORY_GIB: Final = 4
NEEDED_DISK_GIB: Final = 6


def main() -> int:
    """Prints the findings and faults, and returns 0 if there are no faults, else 1."""
    for name, value in findings():
        print(f"{name:<29} {value}")
    wrong = faults()
    if wrong:
        print("\nWrong:", *("  - " + fault.replace("\n", "\n  ") for fault in wrong), sep="\n")
    else:
        print("\nNothing is wrong.")
    return 1 if wrong else 0


def findings() -> Iterator[tuple[str, str]]:
    """Yields the name and value of each finding."""
    yield "system", host.os_release().get("PRETTY_NAME", platform.platform())
    yield "machine", f"{platform.machine()}, {os.cpu_count()} cores"
    yield "Python", f"{platform.python_version()} at {sys.executable}"
    yield "glibc of the host", ".".join(map(str, host.glibc_version())) if any(host.glibc_version()) else "none"
    yield "C++ compiler", next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), "none")
    yield "uv", shutil.which("uv") or "none; fetched when needed"
    yield "environment", _environment_state()
    yield from _in_environment()
    for name in VARIABLES:
        yield f"${name}", os.environ.get(name) or "not set"
    yield "$READALIKE_PSEUDONYM_KEY", "set" if "READALIKE_PSEUDONYM_KEY" in os.environ else "not set"
    yield "free memory", f"{free_memory_gib():.1f} GiB"
    yield "free disk", f"{free_disk_gib():.1f} GiB"


def faults() -> list[str]:
    """Returns the faults, one sentence each, with the remedy."""
    wrong = host.build_faults()
    if why := private_runtime.obstacle() if private_runtime.is_needed() else host.platform_fault():
        wrong.append(private_runtime.refusal(why))
    if free_memory_gib() < NEEDED_MEMORY_GIB:
        wrong.append(f"Less than {NEEDED_MEMORY_GIB} GiB of memory are free: close something, or use a larger machine.")
    if free_disk_gib() < NEEDED_DISK_GIB:
        wrong.append(f"Less than {NEEDED_DISK_GIB} GiB of disk are free in {ROOT}: the environment alone takes 4.")
    if os.environ.get("TF_USE_LEGACY_KERAS", "1") != "1":
        wrong.append("TF_USE_LEGACY_KERAS is not 1: TensorFlow Recommenders needs Keras 2. Unset it.")
    state = _environment_state()
    if state != "complete":
        wrong.append(f"The environment is {state}: make setup.")
    elif absent := [name for name, version in _in_environment() if version == MISSING]:
        wrong.append(f"The environment has lost {', '.join(absent)}: rm -r .venv, then make setup.")
    return wrong


def free_memory_gib() -> float:
    """Returns the memory available to a new process, in GiB; infinity if unknown."""
    file = Path("/proc/meminfo")
    for line in file.read_text(encoding="ascii").splitlines() if file.exists() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 2**20
    return float("inf")


def free_disk_gib() -> float:
    """Returns the free disk space of the project's folder, in GiB."""
    return shutil.disk_usage(ROOT).free / 2**30


def _environment_state() -> str:
    environment = ROOT / ".venv"
    if not (environment / STAMP_FILE).exists():
        return "missing or incomplete"
    return "complete" if is_current(environment, stamp(ROOT)) else "out of date"


def _in_environment() -> Iterator[tuple[str, str]]:
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        return
    program = (
        "import os, sys, importlib.metadata as m\n"
        "print('glibc of the environment', os.confstr('CS_GNU_LIBC_VERSION'), sep='\\t')\n"
        f"for name in {PACKAGES!r}:\n"
        "    try: print(name, m.version(name), sep='\\t')\n"
        f"    except m.PackageNotFoundError: print(name, {MISSING!r}, sep='\\t')\n"
    )
    try:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    except OSError as error:  # Its loader is missing.
        yield "environment's Python", f"does not start: {error.strerror}"
        return
    if done.returncode != 0:
        yield "environment's Python", f"does not start: {' '.join(done.stderr.strip().splitlines()[-1:])}"
        return
    for line in done.stdout.splitlines():
        name, value = line.split("\t")
        yield name, value


if __name__ == "__main__":
    sys.exit(main())
