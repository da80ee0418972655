from pathlib import Path

from scripts.bootstrap.apt_sources import other_release, read_sources

DEB822 = """# Debian
Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBFit
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
\x20
Types: deb
Enabled: no
URIs: http://mirror.example/disabled
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror.example/sources-only
Suites: bookworm
Components: main
"""


def test_the_stanzas_of_the_release_are_rewritten_and_others_left_out() -> None:
    converted = other_release({"debian.sources": DEB822}, "bookworm", "trixie")["debian.sources"]
    first, second = converted.strip().split("\n\n")
    assert first.splitlines() == [
        "Types: deb",
        "Uris: http://mirror.example/debian",
        "Suites: trixie trixie-updates",
        "Components: main",
        "Signed-By:",
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mQINBFit",
        " -----END PGP PUBLIC KEY BLOCK-----",
        "Targets: Packages",
    ]
    assert second.splitlines() == [
        "Types: deb",
        "Uris: http://mirror.example/debian-security",
        "Suites: trixie-security",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "Targets: Packages",
    ]


def test_the_one_line_format_is_converted_with_its_options() -> None:
    text = (
        "# deb http://mirror.example/old jammy main\n"
        "deb cdrom:[Ubuntu 22.04 _Jammy_]/ jammy main\n"
        "deb http://mirror.example/ubuntu jammy main universe # comment\n"
        "deb [ arch=amd64 signed-by=/k.gpg ] http://mirror.example/ubuntu jammy-security main\n"
        "deb http://mirror.example/ubuntu jammy-proposed main\n"
        "deb-src http://mirror.example/ubuntu jammy main\n"
    )
    assert other_release({"sources.list": text}, "jammy", "noble")["sources.list"].splitlines() == [
        "deb [target=Packages] http://mirror.example/ubuntu noble main universe",
        "deb [arch=amd64 signed-by=/k.gpg target=Packages] http://mirror.example/ubuntu noble-security main",
    ]


def test_vendors_of_the_same_release_are_not_asked_where_the_system_names_its_own_sources() -> None:
    vendor = "deb https://vendor.example/linux/debian bookworm main\n"
    own = {"debian.sources": DEB822, "vendor.list": vendor}
    assert list(other_release(own, "bookworm", "trixie")) == ["debian.sources"]
    other = "deb https://vendor.example/node nodistro main\n"
    derived = {"sources.list": "# see sources.list.d\n", "official.list": vendor, "node.list": other}
    assert list(other_release(derived, "bookworm", "trixie")) == ["official.list"]


def test_sources_of_other_releases_are_left_out() -> None:
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
