"""Finding uv, or fetching it from the package registry that this host is set up to use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts import apt, host
from scripts.commands import Commands, SetupError

SYSTEM_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def provide_uv(cache: Path, commands: Commands) -> Path:
    """Returns a uv that works: the one on PATH, or one fetched into `cache`.

    Raises:
      SetupError: it cannot be fetched.
    """
    for candidate in (shutil.which("uv"), cache / "uv" / "bin" / "uv"):
        if candidate is not None and _works([str(candidate), "--version"]):
            return Path(candidate)
    target = cache / "uv"
    shutil.rmtree(target, ignore_errors=True)
    pip, env = _pip(cache, commands)
    commands.run([*pip, "install", "--quiet", "--no-input", "--target", target, "uv"], env=env)
    return target / "bin" / "uv"


def uv_environment() -> dict[str, str]:
    """Returns the environment for uv: it does not read pip's configuration, so pip's index is handed on."""
    env = dict(os.environ)
    index = os.environ.get("PIP_INDEX_URL") or _pip_setting("global.index-url")
    if index and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & env.keys():
        env["UV_DEFAULT_INDEX"] = index
    certificates = os.environ.get("PIP_CERT") or _pip_setting("global.cert")
    if certificates:
        env.setdefault("SSL_CERT_FILE", certificates)
    if SYSTEM_CERTIFICATES.exists():  # uv brings its own, which do not know a company's mirror.
        env.setdefault("UV_SYSTEM_CERTS", "1")
    env.setdefault("UV_HTTP_TIMEOUT", "180")
    env.setdefault("UV_LINK_MODE", "copy")
    return env


def _pip(cache: Path, commands: Commands) -> tuple[list[str], dict[str, str] | None]:
    """Returns a pip: this interpreter's, one from its ensurepip, or Debian's wheel of it."""
    if _works([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip"], None
    bootstrap = cache / "bootstrap"
    if _works([sys.executable, "-c", "import ensurepip"]):
        commands.run([sys.executable, "-m", "venv", "--clear", bootstrap])
        return [str(bootstrap / "bin" / "python"), "-m", "pip"], None
    if not apt.is_available():
        raise SetupError(
            f"{sys.executable} has neither pip nor ensurepip, and there is no uv on PATH. Install uv or pip, or name "
            "another Python: make PYTHON=…"
        )
    codename = host.os_release().get("VERSION_CODENAME", "")
    [package] = apt.download(["python3-pip-whl"], cache / "apt-pip", codename, codename, commands)
    commands.run(["dpkg", "-x", package, bootstrap])
    [wheel] = (bootstrap / "usr" / "share" / "python-wheels").glob("pip-*.whl")
    return [sys.executable, "-m", "pip"], {**os.environ, "PYTHONPATH": str(wheel.resolve())}


def _pip_setting(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", name], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
