"""Installs a newer C runtime in a folder of the project, and an interpreter that uses it.

The wheels of tensorflow-data-validation and ml-metadata need a newer glibc than that of Debian 12 and Ubuntu 22.04.
This module unpacks the next release's glibc into a folder and patches a copied interpreter to load it. The system stays
unchanged.
"""

import shutil
import sysconfig
from pathlib import Path
from typing import Final

from scripts.bootstrap import apt, host
from scripts.bootstrap.commands import Commands, SetupError

PACKAGES: Final = ("libc6", "libstdc++6", "libgcc-s1")
LIBRARIES: Final = ("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6")
LOADER: Final = "ld-linux-x86-64.so.2"
COMPLETE: Final = "complete"
NEXT_RELEASE: Final = {"bookworm": "trixie", "bullseye": "trixie", "jammy": "noble", "focal": "noble"}

NO_WAY: Final = """This host cannot run the packages, and what they lack could not be had.
  It has: {have}
  Needed: Linux on x86_64 with glibc {need[0]}.{need[1]} or newer, for tensorflow-data-validation and ml-metadata
  Why not: {why}
  Ways out:
    1. a newer system: Debian 13, Ubuntu 24.04 or later
    2. the container image: make image, on a host with Docker
    3. a host with apt-get (Debian 12, Ubuntu 22.04), where the set-up fetches a private copy of the newer library"""


def is_needed() -> bool:
    """Returns True if the host's own C library is too old."""
    return host.glibc_version() < host.NEEDED_GLIBC


def provide(folder: Path, cache: Path, commands: Commands) -> Path:
    """Installs the newer runtime in `folder` unless it is there, and returns the folder of its libraries.

    Raises:
      SetupError: the runtime cannot be installed on this host.
    """
    libraries = folder / "usr" / "lib" / "x86_64-linux-gnu"
    if (folder / COMPLETE).exists():
        return libraries
    if why := obstacle():
        raise SetupError(refusal(why))
    codename = host.codename()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for package in apt.download(PACKAGES, cache / "apt", codename, NEXT_RELEASE[codename], commands):
            commands.run(["dpkg", "-x", package, folder])
        if not (libraries / LOADER).exists():
            raise SetupError(f"the packages hold no {LOADER}.")
    except SetupError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SetupError(refusal(str(error))) from error
    (folder / COMPLETE).touch()
    shutil.rmtree(cache / "apt", ignore_errors=True)
    return libraries


def obstacle() -> str:
    """Returns why this host cannot get a newer runtime, as known without network access; empty if it can."""
    if fault := host.platform_fault():
        return fault
    if not apt.is_available():
        return "this host has no apt-get and dpkg"
    if host.codename() not in NEXT_RELEASE:
        return f"no newer release is known for {host.codename() or 'this system'!r}"
    return ""


def refusal(why: str) -> str:
    """Returns the message for a host that cannot get the newer runtime."""
    return NO_WAY.format(have=host.describe(), need=host.NEEDED_GLIBC, why=why)


def adopt(environment: Path, libraries: Path, patchelf: Path, commands: Commands) -> None:
    """Patches the copied interpreters of a virtual environment to use the libraries in `libraries`."""
    python_libraries = sysconfig.get_config_var("LIBDIR")
    for interpreter in sorted((environment / "bin").glob("python*")):
        if interpreter.is_symlink():
            continue
        commands.run(
            [
                patchelf,
                "--set-interpreter",
                libraries / LOADER,
                "--force-rpath",
                "--set-rpath",
                f"{libraries}:{python_libraries}",
                *(word for library in LIBRARIES for word in ("--add-needed", library)),
                interpreter,
            ]
        )
