"""What stands beside the code is true: README, Dockerfile, Makefile, the history of names."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from core.project import ROOT
from scripts.config_table import CONFIGURATION, with_table
from scripts.config_table import DOCUMENTS as TABLES

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", [CONFIGURATION, *TABLES.values()], ids=lambda path: path.name)
def test_the_table_of_configuration_is_of_today(document: Path) -> None:
    assert with_table(document) == document.read_text(encoding="utf-8"), "make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_named_in_documents_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)*[\w.-]+\.(?:py|pbtxt|toml|lock|csv\.gz))`", text)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    known = {"rejects.csv", "best.toml", "production.toml"}
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
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from=" not in line]
    copied = [word for words in copies for word in words if not word.startswith("--")]
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
    bases = {line.split()[1] for line in lines if line.startswith("FROM")}
    assert bases == {"python:3.11-slim-trixie"}, "glibc 2.39 or newer is needed, and the interpreter of the environment"
    [user] = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert int(user) > 0, "a number: Kubernetes cannot tell of a name that it is not root"


@pytest.mark.integration
def test_the_image_is_tagged_by_commit_and_then_tried(tmp_path: Path) -> None:
    """There is no container engine here: one that only writes down what it is told shows the order and the tag."""
    log = tmp_path / "log"
    engine = tmp_path / "engine"
    engine.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\n')
    engine.chmod(0o755)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    revision = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run(["make", "image", f"DOCKER={engine}", "IMAGE=registry.example/x"], cwd=tmp_path, check=True)
    build, run = (shlex.split(line) for line in log.read_text().splitlines()[:2])
    image = f"registry.example/x:{revision}"
    assert build[0] == "build"
    assert build[build.index("--build-arg") + 1] == f"REVISION={revision}"
    assert build[build.index("--tag") + 1] == image
    assert run[0] == "run"
    assert image in run[: run.index("sh")]
    compiled = re.search(r"python kubeflow_runner\.py --image (\S+) --out (\S+);", " ".join(run))
    assert compiled
    assert compiled[1] == image
    assert f"python -m pipeline.kubeflow.pod.smoke {compiled[2]}" in log.read_text()
    (tmp_path / "Makefile").write_text((tmp_path / "Makefile").read_text() + "\n")
    subprocess.run(["make", "image", f"DOCKER={engine}"], cwd=tmp_path, check=True)
    assert f"--tag readalike:{revision}-dirty " in log.read_text()


def test_no_path_of_a_machine_is_in_a_tracked_file() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.splitlines():
        file = ROOT / name
        if file.is_file() and file.suffix not in (".gz", ".png"):
            text = file.read_text(encoding="utf-8")
            assert f"{ROOT.parent}/{ROOT.name}/" not in text, name
            assert str(Path.home()) + "/" not in text, name
