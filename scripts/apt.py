"""Fetching Debian or Ubuntu packages into a folder: no root, and nothing of the system is touched."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scripts.apt_sources import other_release, read_sources
from scripts.commands import Commands, SetupError

APT_FOLDER: Final = Path("/etc/apt")

CONFIGURATION: Final = """
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources.list.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
#clear APT::Architectures;
APT::Architectures {{ "amd64"; }};
APT::Default-Release "";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


def is_available() -> bool:
    """Returns whether this host has the programs."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def download(packages: Iterable[str], folder: Path, codename: str, new_codename: str, commands: Commands) -> list[Path]:
    """Fetches `packages` from the host's own sources, those of another release of the same system.

    Args:
      packages: their names.
      folder: a folder of our own for lists, cache and packages; made anew.
      codename: the host's release.
      new_codename: the release to fetch from; may be the same.
      commands: runs the programs.

    Returns:
      The package files.

    Raises:
      SetupError: the host names no source of `codename`, or apt-get fails.
    """
    sources = other_release(read_sources(APT_FOLDER), codename, new_codename)
    if not sources:
        raise SetupError(f"no source in {APT_FOLDER} is of the release {codename or 'of this system'!r}.")
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("sources.list.d", "lists/partial", "cache/archives/partial", "packages"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    for name, text in sources.items():
        (folder / "sources.list.d" / name).write_text(text, encoding="utf-8")
    configuration = (folder / "apt.conf").resolve()
    configuration.write_text(CONFIGURATION.format(folder=folder.resolve()), encoding="utf-8")
    # A file given by option is read last: what the host's own files say cannot undo it.
    apt_get = ["apt-get", "-qq", "--config-file", str(configuration)]
    unreachable: SetupError | None = None
    try:
        commands.run([*apt_get, "update"])
    except SetupError as error:  # One source of several may fail; the packages may come from another.
        unreachable = error
    try:
        commands.run([*apt_get, "download", *packages], cwd=folder / "packages")
    except SetupError as error:
        raise unreachable or error from error
    return sorted((folder / "packages").glob("*.deb"))
