"""Reads pip's configuration on this host, because pip may be absent and uv does not read it."""

import configparser
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def setting(name: str) -> str:
    """Returns pip's option `name` (`index-url`, `cert`, …) from the environment or else the files; empty if unset."""
    value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}", "")
    if value:
        return value
    parser = configparser.RawConfigParser(strict=False)
    for file in files():
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
    return parser.get("install", name, fallback=parser.get("global", name, fallback="")).strip()


def files() -> Iterator[Path]:
    """Yields pip's configuration files. Each overrides those before it."""
    chosen = os.environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home = Path.home()
    for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if chosen:
        yield Path(chosen)
