"""Describes this machine: system, C library, compiler, headers. Standard library only."""

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Final

# The glibc that the wheels of tensorflow-data-validation and ml-metadata are built against.
NEEDED_GLIBC: Final = (2, 39)
OS_RELEASE: Final = Path("/etc/os-release")


def glibc_version() -> tuple[int, int]:
    """Returns the glibc version of this process; (0, 0) if its C library is not glibc."""
    try:
        name, number = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (ValueError, OSError):
        return (0, 0)
    if name != "glibc":
        return (0, 0)
    major, minor = number.split(".")[:2]
    return (int(major), int(minor))


def os_release(path: Path = OS_RELEASE) -> dict[str, str]:
    """Returns the fields of the os-release file `path`; empty if there is none."""
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, value in pairs}


def codename() -> str:
    """Returns the codename of the Debian or Ubuntu release that this system is based on; empty if unknown."""
    fields = os_release()
    return fields.get("UBUNTU_CODENAME") or fields.get("DEBIAN_CODENAME") or fields.get("VERSION_CODENAME", "")


def describe() -> str:
    """Returns a short description of the machine."""
    system = os_release().get("PRETTY_NAME", platform.system())
    major, minor = glibc_version()
    library = f"glibc {major}.{minor}" if major else "no glibc"
    return f"{system}, {platform.machine()}, {library}, Python {platform.python_version()}"


def build_faults() -> list[str]:
    """Returns what is missing to build the two dependencies without wheels, one sentence each."""
    faults = []
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        faults.append(
            f"{header} is missing: install the headers of {sys.executable} (Debian, Ubuntu: apt-get install "
            f"python{sys.version_info[0]}.{sys.version_info[1]}-dev), or name another Python: make PYTHON=…"
        )
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++") if name):
        faults.append("There is no C++ compiler: install one (Debian, Ubuntu: apt-get install g++), or set CXX.")
    return faults


def platform_fault() -> str:
    """Returns why there are no packages for this machine; empty if there are."""
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return ""
    return f"this is {platform.system()} on {platform.machine()}, and they are built for Linux on x86_64 only"
