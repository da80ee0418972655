"""Keyed pseudonyms for users, and the key that makes them.

A label encoder's ids shift with every new user, and its table lists all users. An HMAC (RFC 2104, with SHA-256) gives a
user the same id on every run and needs no table. Without the key it cannot be reversed.
"""

import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.errors import PseudonymKeyError

KEY_VARIABLE: Final = "READALIKE_PSEUDONYM_KEY"
KEY_FILE_VARIABLE: Final = "READALIKE_PSEUDONYM_KEY_FILE"
MIN_KEY_BYTES: Final = 16
REMEDY: Final = "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'"

# A key with fewer different bytes repeats a few characters and is easy to guess.
MIN_DIFFERENT_BYTES: Final = 5

# 128 bits: among a billion users the chance that any two share a pseudonym is below 10^-20.
PSEUDONYM_HEX_DIGITS: Final = 32


def pseudonymise(user: str, key: bytes) -> str:
    """Returns the pseudonym of `user`: 32 hexadecimal digits, the same for the same name and key."""
    return hmac.digest(key, user.encode("utf-8"), "sha256").hex()[:PSEUDONYM_HEX_DIGITS]


def pseudonymise_all(users: Iterable[str], key: bytes) -> list[str]:
    """Returns the pseudonyms of `users`, faster than one by one: the key is hashed only once."""
    keyed = hmac.new(key, digestmod="sha256")
    pseudonyms = []
    for user in users:
        code = keyed.copy()
        code.update(user.encode("utf-8"))
        pseudonyms.append(code.hexdigest()[:PSEUDONYM_HEX_DIGITS])
    return pseudonyms


def key_id(key: bytes) -> str:
    """Returns a short public identifier of `key`, which distinguishes a wrong key from the right one.

    It is itself a keyed hash, so it reveals nothing about the key or any user.
    """
    return hmac.digest(key, b"readalike pseudonym key id", "sha256").hex()[:12]


def create_key_file(path: Path) -> None:
    """Writes a new random key to `path`, readable by its owner only. An existing file stays as it is.

    Raises:
      PseudonymKeyError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        raise PseudonymKeyError(
            f"{path}: the pseudonym key cannot be written ({error.strerror}). Name a folder that can be written, or "
            f"put a key of your own into {KEY_VARIABLE}."
        ) from error


def read_key(key_file: Path | None = None) -> bytes:
    """Returns the key from `key_file` if given, else from the environment.

    The environment may hold the key itself (`READALIKE_PSEUDONYM_KEY`), or else the path of a key file
    (`READALIKE_PSEUDONYM_KEY_FILE`). White space around the key is ignored.

    Raises:
      PseudonymKeyError: there is no key, it cannot be read, or it is shorter than 16 bytes.
    """
    if key_file is None and (text := os.environ.get(KEY_VARIABLE)) is not None:
        return _checked(text.strip().encode("utf-8"), f"the environment variable {KEY_VARIABLE}")
    key_file = _file_of(key_file)
    if key_file is None:
        raise PseudonymKeyError(
            f"No pseudonym key. Set {KEY_VARIABLE} to the key, or {KEY_FILE_VARIABLE} to the path of a file with it."
        )
    try:
        content = key_file.read_bytes()
    except OSError as error:
        raise PseudonymKeyError(
            f"{key_file}: the pseudonym key cannot be read ({error.strerror}). Name a file that can, or set "
            f"{KEY_VARIABLE} to the key itself."
        ) from error
    return _checked(content.strip(), str(key_file))


def key_doubts(key_file: Path | None = None) -> list[str]:
    """Returns the weaknesses of the key that `read_key` returns, one sentence each, without the key.

    Raises:
      PseudonymKeyError: as `read_key` does.
    """
    different = len(set(read_key(key_file)))
    doubts = []
    if different < MIN_DIFFERENT_BYTES:
        doubts.append(
            f"The pseudonym key has {different} different characters only. Who guesses it can tell who is behind a "
            f"pseudonym. {REMEDY} Every reader is a new one then."
        )
    file = _file_of(key_file)
    if file is not None and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        doubts.append(f"{file}: others than its owner can read the pseudonym key. Forbid it: chmod 600.")
    return doubts


def _file_of(key_file: Path | None) -> Path | None:
    """Returns the key file: `key_file` if given, else the environment's; None if the key is in no file."""
    if key_file is not None or KEY_VARIABLE in os.environ:
        return key_file
    name = os.environ.get(KEY_FILE_VARIABLE)
    return Path(name) if name else None


def _checked(key: bytes, origin: str) -> bytes:
    if len(key) < MIN_KEY_BYTES:
        raise PseudonymKeyError(
            f"{origin}: the pseudonym key has {len(key)} bytes and needs at least {MIN_KEY_BYTES}. {REMEDY}"
        )
    return key
