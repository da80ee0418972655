"""What stands beside the code is true: README, Dockerfile, Makefile, the history of names."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.config_table import with_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_configuration_is_of_today() -> None:
    assert with_table(README) == README, "make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_named_in_documents_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)*[\w.-]+\.(?:py|pbtxt|toml|lock|csv\.gz))`", text)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    known = {"rejects.csv"}
    for path in set(named) - known:
        assert (ROOT / path).exists(), path
    for path in links:
        assert (document.parent / path).exists(), path


def test_make_targets_named_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"`make ([a-z0-9-]+)", document.read_text(encoding="utf-8")))
        assert named <= targets, document


def test_what_the_dockerfile_copies_and_calls_exists() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[2:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
    ignored = {line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert not ignored & set(copied)
    [command] = [line for line in lines if line.startswith("CMD")]
    script = re.findall(r'"([\w.]+\.py)"', command)
    assert script
    assert (ROOT / script[0]).exists()
    targets = re.findall(r"make (\w+)", " ".join(line for line in lines if line.startswith("RUN")))
    assert targets == ["setup"]
    assert any(line.startswith("FROM debian:trixie") for line in lines), "glibc 2.39 or newer is needed"
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)


def test_no_path_of_a_machine_is_in_a_tracked_file() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.splitlines():
        file = ROOT / name
        if file.is_file() and file.suffix not in (".gz",):
            text = file.read_text(encoding="utf-8")
            assert f"{ROOT.parent}/{ROOT.name}/" not in text, name
            assert str(Path.home()) + "/" not in text, name
