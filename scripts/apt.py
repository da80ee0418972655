"""Fetching Debian or Ubuntu packages into a folder: no root, and nothing of the system is touched."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scripts.commands import Commands

APT_FOLDER: Final = Path("/etc/apt")

CONFIGURATION: Final = """
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources.list.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
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
      SetupError: apt-get fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("sources.list.d", "lists/partial", "cache/archives/partial", "packages"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    for name, text in other_release(read_sources(APT_FOLDER), codename, new_codename).items():
        (folder / "sources.list.d" / name).write_text(text, encoding="utf-8")
    configuration = folder / "apt.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder.resolve()), encoding="utf-8")
    env = {**os.environ, "APT_CONFIG": str(configuration.resolve())}
    commands.run(["apt-get", "-qq", "update"], env=env)
    commands.run(["apt-get", "-qq", "download", *packages], env=env, cwd=folder / "packages")
    return sorted((folder / "packages").glob("*.deb"))


def read_sources(folder: Path) -> dict[str, str]:
    """Returns the texts of the host's source files by name."""
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in files
        if file.is_file() and file.suffix in (".list", ".sources")
    }


def other_release(sources: dict[str, str], codename: str, new_codename: str) -> dict[str, str]:
    """Returns `sources` with the release `codename` replaced. Entries of other releases or vendors are left out."""
    changed = {}
    for name, text in sources.items():
        convert = _stanzas if name.endswith(".sources") else _lines
        entries = convert(text, codename, new_codename)
        if entries:
            changed[name] = "\n".join(entries) + "\n"
    return changed


def _is_of(suite: str, codename: str) -> bool:
    return suite == codename or suite.startswith(f"{codename}-")


def _lines(text: str, codename: str, new_codename: str) -> list[str]:
    """Converts the one-line format: `deb [options] URI SUITE COMPONENT…`."""
    entries = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words or words[0] != "deb":
            continue
        closing = next((i for i, word in enumerate(words) if word.endswith("]")), 0) if words[1].startswith("[") else 0
        suite = closing + 2
        if suite < len(words) and _is_of(words[suite], codename):
            words[suite] = words[suite].replace(codename, new_codename, 1)
            entries.append(" ".join(words))
    return entries


def _stanzas(text: str, codename: str, new_codename: str) -> list[str]:
    """Converts the deb822 format: stanzas of `Field: value` lines."""
    entries = []
    for stanza in text.split("\n\n"):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        position = next((i for i, line in enumerate(lines) if line.lower().startswith("suites:")), None)
        if position is None or any(line.lower().replace(" ", "") == "enabled:no" for line in lines):
            continue
        suites = [suite for suite in lines[position].split(":", 1)[1].split() if _is_of(suite, codename)]
        if suites:
            lines[position] = "Suites: " + " ".join(suite.replace(codename, new_codename, 1) for suite in suites)
            entries.append("\n".join(lines) + "\n")
    return entries
