"""Finds uv, or fetches it from the package registry that this host is configured for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts.bootstrap import apt, host, pip_configuration
from scripts.bootstrap.commands import Commands, SetupError

OLDEST_UV: Final = (0, 5)
SYSTEM_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def provide_uv(cache: Path, commands: Commands) -> Path:
    """Returns the path of a working uv: the one on PATH, or one fetched into `cache`.

    Raises:
      SetupError: uv cannot be fetched.
    """
    target = cache / "uv"
    for candidate in (shutil.which("uv"), target / "bin" / "uv"):
        if candidate is not None and uv_version(candidate) >= OLDEST_UV:
            return Path(candidate)
    shutil.rmtree(target, ignore_errors=True)
    pip, env = _pip(cache, commands)
    commands.run([*pip, "install", "--quiet", "--no-input", "--target", target, "uv"], env=env)
    for leftover in ("apt", "bootstrap"):
        shutil.rmtree(cache / leftover, ignore_errors=True)
    return target / "bin" / "uv"


def uv_version(uv: str | Path) -> tuple[int, int]:
    """Returns the version of the program `uv`; (0, 0) if it does not start."""
    number = re.search(r"(\d+)\.(\d+)", _output([str(uv), "--version"]) or "")
    return (int(number[1]), int(number[2])) if number else (0, 0)


def uv_environment() -> dict[str, str]:
    """Returns the environment for uv, with pip's index, because uv does not read pip's configuration."""
    env = dict(os.environ)
    index = pip_configuration.setting("index-url")
    if index and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & env.keys():
        env["UV_DEFAULT_INDEX"] = index
    certificates = pip_configuration.setting("cert")
    if certificates:
        env.setdefault("SSL_CERT_FILE", certificates)
    if SYSTEM_CERTIFICATES.exists():  # uv's own certificates do not cover a company's mirror.
        env.setdefault("SSL_CERT_FILE", str(SYSTEM_CERTIFICATES))
        env.setdefault("UV_SYSTEM_CERTS", "1")
    env.setdefault("UV_HTTP_TIMEOUT", "180")
    env.setdefault("UV_LINK_MODE", "copy")
    env["UV_PYTHON_DOWNLOADS"] = "never"
    return env


def _pip(cache: Path, commands: Commands) -> tuple[list[str], dict[str, str]]:
    """Returns the command and environment of pip: this interpreter's, one from its ensurepip, or Debian's wheel."""
    env = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = [sys.executable, "-m", "pip"]
    if _output([*pip, "--version"]) is not None:
        return pip, env
    bootstrap = cache / "bootstrap"
    if _output([sys.executable, "-c", "import ensurepip; ensurepip.version()"]) is not None:
        commands.run([sys.executable, "-m", "venv", "--clear", bootstrap])
        return [str(bootstrap / "bin" / "python"), "-m", "pip"], env
    without_pip = f"{sys.executable} has neither pip nor ensurepip, and there is no uv on PATH"
    cure = "Install uv or pip (Debian, Ubuntu: apt-get install python3-pip), or name another Python: make PYTHON=…"
    if not apt.is_available():
        raise SetupError(f"{without_pip}. {cure}")
    codename = host.codename()
    try:
        packages = apt.download(["python3-pip-whl"], cache / "apt", codename, codename, commands)
        for package in packages:
            commands.run(["dpkg", "-x", package, bootstrap])
    except SetupError as error:
        raise SetupError(f"{without_pip}; its package could not be had either. {cure}\n  Why not: {error}") from error
    [wheel] = (bootstrap / "usr" / "share" / "python-wheels").glob("pip-*.whl")
    return pip, {**env, "PYTHONPATH": str(wheel.resolve())}


def _output(command: list[str]) -> str | None:
    """Returns the output of `command`; None if it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
