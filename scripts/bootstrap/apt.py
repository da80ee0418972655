"""Fetches Debian or Ubuntu packages into a folder, without root and without changes to the system."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scripts.bootstrap.apt_sources import other_release, read_sources
from scripts.bootstrap.commands import Commands, SetupError

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
    """Returns True if this host has apt-get and dpkg."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def download(packages: Iterable[str], folder: Path, codename: str, new_codename: str, commands: Commands) -> list[Path]:
    """Fetches `packages` of the release `new_codename` from the host's own sources.

    Args:
      packages: names of the packages.
      folder: folder for lists, cache and packages. Its old content is deleted.
      codename: codename of the host's release.
      new_codename: codename of the release to fetch from. It may be the same.
      commands: runs the programs.

    Returns:
      The package files.

    Raises:
      SetupError: the host has no source for `codename`, or apt-get fails.
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
    # apt-get reads this file last, so the host's own files cannot override it.
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
