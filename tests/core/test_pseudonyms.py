"""Pseudonyms are HMACs, and their key is kept for its owner only."""

import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import pseudonyms
from core.errors import PseudonymKeyError
from core.project import ROOT
from core.pseudonyms import (
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    MIN_KEY_BYTES,
    create_key_file,
    key_doubts,
    key_id,
    pseudonymise,
    pseudonymise_all,
    read_key,
)

KEY = b"0123456789abcdef"
BLOCK_BYTES = 64


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY_VARIABLE, KEY_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """RFC 2104: H(K ^ opad, H(K ^ ipad, message)), K filled up with zeros to a block, hashed first if it is longer."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


@given(st.text(st.characters(codec="utf-8")), st.binary(min_size=MIN_KEY_BYTES, max_size=2 * BLOCK_BYTES))
def test_a_pseudonym_is_the_first_half_of_an_hmac(user: str, key: bytes) -> None:
    assert pseudonymise(user, key) == hmac_by_hand(key, user.encode())[:32]


@given(
    st.lists(st.text(st.characters(codec="utf-8")), max_size=20),
    st.binary(min_size=MIN_KEY_BYTES, max_size=2 * BLOCK_BYTES),
)
def test_pseudonyms_of_many_are_those_of_each(users: list[str], key: bytes) -> None:
    assert pseudonymise_all(users, key) == [hmac_by_hand(key, user.encode())[:32] for user in users]


def test_a_pseudonym_is_that_of_the_rfc_with_a_known_answer() -> None:
    """RFC 4231, test case 2."""
    assert pseudonymise("what do ya want for nothing?", b"Jefe") == "5bdcc146bf60754e6a042426089575c7"


def test_names_that_look_alike_have_different_pseudonyms() -> None:
    names = ["7", "07", "007", "7 ", "Zoë", "Zoe\u0308", "zoë", ""]
    assert len({pseudonymise(name, KEY) for name in names}) == len(names)


def test_another_key_gives_other_pseudonyms() -> None:
    assert pseudonymise("Ada", KEY) != pseudonymise("Ada", KEY[::-1])


def test_a_key_id_tells_keys_apart_and_is_neither_key_nor_pseudonym() -> None:
    assert key_id(KEY) == key_id(bytes(KEY))
    assert key_id(KEY) != key_id(KEY[:-1] + b"!")
    assert len(key_id(KEY)) == 12
    assert key_id(KEY) not in (KEY.hex(), hashlib.sha256(KEY).hexdigest()[:12], pseudonymise("", KEY)[:12])


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_key_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "new" / "folder" / "pseudonym.key"
    before = os.umask(mask)
    try:
        create_key_file(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert list(path.parent.iterdir()) == [path]
    assert read_key(path) == path.read_bytes().strip()


def test_each_new_key_is_another_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        create_key_file(tmp_path / name)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_an_existing_key_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_bytes(KEY)
    create_key_file(path)
    assert path.read_bytes() == KEY
    assert list(tmp_path.iterdir()) == [path]


def test_of_processes_that_make_the_file_at_once_all_end_with_one_key(tmp_path: Path) -> None:
    """Each process reads the file as soon as its own call is over: all must see the same key."""
    path = tmp_path / "pseudonym.key"
    program = f"""
import pathlib
from core.pseudonyms import create_key_file, read_key
path = pathlib.Path({str(path)!r})
print("ready", flush=True)
input()
create_key_file(path)
print(read_key(path).decode())
"""
    command = [sys.executable, "-c", program]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    seen = [process.communicate()[0].strip() for process in processes]
    assert seen == [path.read_text().strip()] * len(processes)
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_appears_while_one_is_being_made_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pseudonym.key"

    def slow_token(count: int) -> str:
        other = threading.Thread(target=path.write_bytes, args=(KEY,))
        other.start()
        other.join()
        return "f" * 2 * count

    monkeypatch.setattr(pseudonyms.secrets, "token_hex", slow_token)
    create_key_file(path)
    assert path.read_bytes() == KEY
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PseudonymKeyError, match=rf"file/pseudonym\.key: .*cannot be written.*{KEY_VARIABLE}"):
        create_key_file(tmp_path / "file" / "pseudonym.key")


def test_a_file_that_is_named_comes_first_then_the_key_then_the_variable_with_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named", "variable"):
        (tmp_path / name).write_text(f"key in the {name} file\n")
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "variable"))
    assert read_key() == b"key in the variable file"
    monkeypatch.setenv(KEY_VARIABLE, "  key in the environment ")
    assert read_key() == b"key in the environment"
    assert read_key(tmp_path / "named") == b"key in the named file"


def test_without_any_key_both_variables_are_named() -> None:
    with pytest.raises(PseudonymKeyError, match=f"{KEY_VARIABLE} .*{KEY_FILE_VARIABLE}"):
        read_key()


@pytest.mark.parametrize("content", [b"", b"\n", b"0123456789abcde", b" " * 40 + b"tiny key" + b" " * 40])
def test_a_key_that_is_too_short_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_bytes(content)
    with pytest.raises(PseudonymKeyError, match=f"has {len(content.strip())} bytes and needs at least 16") as caught:
        read_key(path)
    assert str(path) in str(caught.value)
    assert not content.strip() or content.strip().decode() not in str(caught.value)


def test_a_short_or_empty_key_in_the_environment_is_refused_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(KEY)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "key"))
    for text in ("", "short"):
        monkeypatch.setenv(KEY_VARIABLE, text)
        with pytest.raises(PseudonymKeyError, match=KEY_VARIABLE):
            read_key()


def test_a_key_file_that_is_missing_or_a_folder_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(PseudonymKeyError, match="cannot be read") as caught:
            read_key(path)
        assert str(path) in str(caught.value)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)]
)
def test_a_key_file_that_others_can_read_is_doubted(mode: int, told: bool, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    path.chmod(mode)
    assert key_doubts(path) == (
        [f"{path}: others than its owner can read the pseudonym key. Forbid it: chmod 600."] if told else []
    )


@pytest.mark.parametrize(("key", "different"), [("z" * 32, 1), ("zy" * 16, 2), ("1234" * 8, 4), ("12345" * 8, None)])
def test_a_key_of_a_letter_or_a_few_is_doubted_and_not_shown(
    key: str, different: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    doubts = key_doubts()
    if different is None:
        assert doubts == []
    else:
        [doubt] = doubts
        assert doubt.startswith(f"The pseudonym key has {different} different characters only")
        assert key[:4] not in doubt


def test_the_file_that_the_environment_names_and_a_new_one_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_key_file(tmp_path / "made")
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "made"))
    assert key_doubts() == []
    (tmp_path / "made").chmod(0o644)
    assert len(key_doubts()) == 1
