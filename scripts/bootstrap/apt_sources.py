"""Rewrites the host's package sources for another release of the same system, in both formats of apt."""

import re
from pathlib import Path
from typing import Final

# Files of the system's own sources. Others (vendors, PPAs) may not have the newer release.
OWN_FILES: Final = ("sources.list", "debian.sources", "ubuntu.sources")
DISABLED: Final = ("no", "false", "without", "off", "disable", "0")
ONE_LINE: Final = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)")


def read_sources(folder: Path) -> dict[str, str]:
    """Returns the texts of the host's source files by name."""
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in files
        if file.is_file() and file.suffix in (".list", ".sources")
    }


def other_release(sources: dict[str, str], codename: str, new_codename: str) -> dict[str, str]:
    """Returns `sources` with the release `codename` replaced.

    It keeps the release, its updates and its security fixes, and of them only the package lists. It uses files of other
    vendors only if the system's own files have no source, as on some derived systems.
    """
    own = {name: text for name, text in sources.items() if name in OWN_FILES}
    return _convert(own, codename, new_codename) or _convert(sources, codename, new_codename)


def _convert(sources: dict[str, str], codename: str, new_codename: str) -> dict[str, str]:
    suites = {f"{codename}{part}": f"{new_codename}{part}" for part in ("", "-updates", "-security")}
    changed = {}
    for name, text in sources.items():
        entries = _stanzas(text, suites) if name.endswith(".sources") else _lines(text, suites)
        if entries:
            changed[name] = "\n".join(entries) + "\n"
    return changed


def _lines(text: str, suites: dict[str, str]) -> list[str]:
    """Converts the one-line format: `deb [options] URI SUITE COMPONENT…`."""
    entries = []
    for line in text.splitlines():
        match = ONE_LINE.fullmatch(line.split("#")[0].strip())
        if match and match["suite"] in suites and not match["uri"].startswith("cdrom:"):
            options = " ".join([*(match["options"] or "").split(), "target=Packages"])
            entries.append(f"deb [{options}] {match['uri']} {suites[match['suite']]}{match['components']}")
    return entries


def _stanzas(text: str, suites: dict[str, str]) -> list[str]:
    """Converts the deb822 format: stanzas of `Field: value`, with continuation lines that start with a space."""
    entries = []
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", text):
        parts = re.split(r"^([^\s:]+):", stanza, flags=re.MULTILINE)[1:]
        fields = {name.lower(): value.rstrip() for name, value in zip(parts[::2], parts[1::2], strict=True)}
        kept = [suites[suite] for suite in fields.get("suites", "").split() if suite in suites]
        enabled = fields.pop("enabled", "yes").strip().lower() not in DISABLED
        if kept and enabled and "deb" in fields.get("types", "").split():
            fields |= {"types": " deb", "suites": " " + " ".join(kept), "targets": " Packages"}
            entries.append("".join(f"{name.title()}:{value}\n" for name, value in fields.items()))
    return entries
