"""Writes `requirements.lock`: `make lock`. One file for all Pythons, with hashes, without registry addresses."""

import re
import sys
from pathlib import Path

from scripts.bootstrap.commands import Commands, SetupError
from scripts.bootstrap.setup import LOCK_FILE, ROOT
from scripts.bootstrap.uv_tool import provide_uv, uv_environment


def main() -> int:
    """Resolves the dependencies, writes the lock file, and returns the exit code."""
    commands, env = Commands(ROOT / ".cache" / "setup.log"), uv_environment()
    beside = ROOT / ".cache" / LOCK_FILE
    try:
        uv = provide_uv(ROOT / ".cache", commands)
        commands.run([uv, "lock", "--upgrade", "--python", sys.executable], env=env, cwd=ROOT)
        commands.run(
            [uv, "export", "--format", "requirements-txt", "--no-header", "--no-annotate", "--output-file", beside],
            env=env,
            cwd=ROOT,
        )
        publish(beside, ROOT / LOCK_FILE)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Wrote {LOCK_FILE}")
    return 0


def publish(resolved: Path, lock: Path) -> None:
    """Moves the file `resolved` to `lock` if it contains no address, because the lock must work with any mirror.

    Raises:
      SetupError: the file contains an address.
    """
    if address := re.search(r"\w+://\S+", resolved.read_text(encoding="utf-8")):
        raise SetupError(
            f"{resolved}: names the address {address[0]}; unset the index options of uv, and resolve again."
        )
    resolved.replace(lock)


if __name__ == "__main__":
    sys.exit(main())
