"""A newer C runtime in a folder of the project, and an interpreter that runs on it.

The wheels of tensorflow-data-validation and ml-metadata need a C library that Debian 12 and Ubuntu 22.04 do not have.
The next release's fits into a folder; the copied interpreter is told to load it. The system is not touched.
"""

import shutil
import sysconfig
from pathlib import Path
from typing import Final

from scripts import apt, host
from scripts.commands import Commands, SetupError

PACKAGES: Final = ("libc6", "libstdc++6", "libgcc-s1")
LIBRARIES: Final = ("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6")
NEXT_RELEASE: Final = {"bookworm": "trixie", "bullseye": "trixie", "jammy": "noble", "focal": "noble"}

NO_WAY: Final = """The C library of this host is too old, and a newer one could not be had.
  It has: {have}
  Needed: glibc {need[0]}.{need[1]} or newer, for the wheels of tensorflow-data-validation and ml-metadata
  Why not: {why}
  Ways out:
    1. a newer system: Debian 13, Ubuntu 24.04 or later
    2. the container image: make image, on a host with Docker
    3. a host with apt-get (Debian 12, Ubuntu 22.04), where the set-up fetches a private copy of the newer library"""


def is_needed() -> bool:
    """Returns whether the host's own C library is too old."""
    return host.glibc_version() < host.NEEDED_GLIBC


def provide(folder: Path, cache: Path, commands: Commands) -> Path:
    """Puts the newer runtime into `folder`, unless it is there. Returns the folder of its libraries.

    Raises:
      SetupError: it cannot be had on this host.
    """
    libraries = folder / "usr" / "lib" / "x86_64-linux-gnu"
    if (folder / "complete").exists():
        return libraries
    codename = host.os_release().get("VERSION_CODENAME", "")
    new_codename = NEXT_RELEASE.get(codename)
    if not apt.is_available():
        raise SetupError(refusal("this host has no apt-get and dpkg"))
    if new_codename is None:
        raise SetupError(refusal(f"no newer release is known for {codename or 'this system'!r}"))
    try:
        packages = apt.download(PACKAGES, cache / "apt", codename, new_codename, commands)
        shutil.rmtree(folder, ignore_errors=True)
        for package in packages:
            commands.run(["dpkg", "-x", package, folder])
    except SetupError as error:
        raise SetupError(refusal(str(error))) from error
    (folder / "complete").touch()
    shutil.rmtree(cache / "apt", ignore_errors=True)
    return libraries


def refusal(why: str) -> str:
    """Returns the one message for a host on which the newer runtime cannot be had."""
    return NO_WAY.format(have=host.describe(), need=host.NEEDED_GLIBC, why=why)


def adopt(environment: Path, libraries: Path, patchelf: Path, commands: Commands) -> None:
    """Makes the copied interpreters of a virtual environment run on the libraries in `libraries`."""
    python_libraries = sysconfig.get_config_var("LIBDIR")
    for interpreter in sorted((environment / "bin").glob("python*")):
        if interpreter.is_symlink():
            continue
        commands.run(
            [
                patchelf,
                "--set-interpreter",
                libraries / "ld-linux-x86-64.so.2",
                "--force-rpath",
                "--set-rpath",
                f"{libraries}:{python_libraries}",
                *(word for library in LIBRARIES for word in ("--add-needed", library)),
                interpreter,
            ]
        )
