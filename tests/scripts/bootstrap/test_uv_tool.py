import os
from pathlib import Path

import pytest

from scripts.bootstrap import pip_configuration, uv_tool
from scripts.bootstrap.commands import Commands


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which neither pip nor uv was told anything."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "XDG_")) or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        pip_configuration,
        "files",
        lambda: [tmp_path / "far.conf", tmp_path / "near.conf", tmp_path / "nearest.conf"],
    )
    return tmp_path


def test_the_index_of_pip_is_found_in_its_files_and_the_nearer_one_wins(home: Path) -> None:
    (home / "far.conf").write_text("[global]\nindex-url = https://far.example/simple\n")
    assert pip_configuration.setting("index-url") == "https://far.example/simple"
    (home / "near.conf").write_text("[global]\nindex-url = https://near.example/simple\n")
    assert pip_configuration.setting("index-url") == "https://near.example/simple"
    (home / "nearest.conf").write_text("[install]\nindex-url = https://%install.example/simple\n")
    assert pip_configuration.setting("index-url") == "https://%install.example/simple"


def test_a_file_that_cannot_be_parsed_is_passed_over(home: Path) -> None:
    (home / "far.conf").write_text("no section = here\n")
    (home / "near.conf").write_text("[global]\nindex-url = https://a.example/simple\n")
    (home / "nearest.conf").write_bytes(b"\xff\xfe")
    assert pip_configuration.setting("index-url") == "https://a.example/simple"


def test_the_environment_overrules_pips_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "far.conf").write_text("[global]\nindex-url = https://a.example/simple\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.example/simple")
    assert pip_configuration.setting("index-url") == "https://b.example/simple"


def test_pips_files_are_those_of_the_system_then_the_user_then_the_one_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "named.conf"))
    order = list(pip_configuration.files())
    user = [tmp_path / ".pip" / "pip.conf", tmp_path / ".config" / "pip" / "pip.conf"]
    assert [order.index(file) for file in (Path("/etc/pip.conf"), *user)] == sorted(
        order.index(file) for file in (Path("/etc/pip.conf"), *user)
    )
    assert order[-1] == tmp_path / "named.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert list(pip_configuration.files()) == []


@pytest.mark.usefixtures("home")
def test_uv_is_handed_pips_index_and_certificates_unless_it_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "UV_DEFAULT_INDEX" not in uv_tool.uv_environment()
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    env = uv_tool.uv_environment()
    assert env["UV_DEFAULT_INDEX"] == "https://pip.example/simple"
    assert env["SSL_CERT_FILE"] == "/certificates.pem"
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    assert "UV_DEFAULT_INDEX" not in uv_tool.uv_environment()


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


@pytest.mark.parametrize("first", ["exit 127", "echo uv 0.4.30"], ids=["does not start", "too old"])
def test_a_uv_of_no_use_on_path_is_passed_over(first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "uv", first)
    program(tmp_path / "cache" / "uv" / "bin" / "uv", "echo 'uv 0.9.2 (x86_64)'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    commands = Commands(tmp_path / "log")
    assert uv_tool.provide_uv(tmp_path / "cache", commands) == tmp_path / "cache" / "uv" / "bin" / "uv"
    program(tmp_path / "bin" / "uv", "echo uv 0.5.0")
    assert uv_tool.provide_uv(tmp_path / "cache", commands) == tmp_path / "bin" / "uv"
    program(tmp_path / "bin" / "uv", "echo uv 0.13.1")
    assert uv_tool.provide_uv(tmp_path / "cache", commands) == tmp_path / "bin" / "uv"
