from pathlib import Path

from scripts.apt import other_release, read_sources

DEB822 = """# Debian
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://mirror.example/disabled
Suites: bookworm
Components: main
"""


def test_suites_of_the_host_are_replaced_and_all_else_is_kept() -> None:
    converted = other_release({"debian.sources": DEB822}, "bookworm", "trixie")["debian.sources"]
    assert "Suites: trixie trixie-updates\n" in converted
    assert "Suites: trixie-security\n" in converted
    assert "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" in converted
    assert "bookworm" not in converted
    assert "disabled" not in converted


def test_the_one_line_format_is_converted_with_its_options() -> None:
    text = (
        "# deb http://mirror.example/old jammy main\n"
        "deb http://mirror.example/ubuntu jammy main universe # comment\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/ubuntu jammy-security main\n"
        "deb-src http://mirror.example/ubuntu jammy main\n"
    )
    assert other_release({"sources.list": text}, "jammy", "noble")["sources.list"].splitlines() == [
        "deb http://mirror.example/ubuntu noble main universe",
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/ubuntu noble-security main",
    ]


def test_sources_of_others_are_left_out() -> None:
    others = {
        "cloud.list": "deb http://vendor.example/apt cloud-sdk-bookworm main\n",
        "node.sources": "Types: deb\nURIs: http://vendor.example/node\nSuites: nodistro\nComponents: main\n",
    }
    assert other_release(others, "bookworm", "trixie") == {}


def test_the_same_release_stays_the_same() -> None:
    converted = other_release({"debian.sources": DEB822}, "bookworm", "bookworm")["debian.sources"]
    assert "Suites: bookworm bookworm-updates\n" in converted


def test_only_source_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("a")
    (tmp_path / "sources.list.d" / "debian.sources").write_text("b")
    (tmp_path / "sources.list.d" / "old.sources.disabled").write_text("c")
    assert read_sources(tmp_path) == {"sources.list": "a", "debian.sources": "b"}
