import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from report.description import REVISION_VARIABLE, ROOT, RunDescription, revision, seeds, versions

KUBEFLOW_FOLDER = "/minio/mlpipeline/v2/artifacts/readalike/0b9ff3c1-7b3c-4a53-9a0e-d8c2b1f0a7e4/RunReport/{}/report"


def test_the_revision_is_the_images_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REVISION_VARIABLE, "0123456789ab")
    assert revision() == "0123456789ab"


def test_the_revision_is_that_of_the_sources_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(REVISION_VARIABLE, raising=False)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if head.returncode == 0:
        assert head.stdout.startswith((revision() or "?").removesuffix("-dirty"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision() is None


def test_the_dockerfile_hands_the_revision_on() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert f"ENV {REVISION_VARIABLE}=$REVISION" in lines
    assert lines.index("ARG REVISION=unknown") < lines.index(f"ENV {REVISION_VARIABLE}=$REVISION")


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["tfx"] == version("tfx")


def test_seeds_are_found_by_the_name_of_their_field() -> None:
    configuration = {"data": "x", "split": {"seed": 20, "min_reviews": 3}, "training": {"seed": 42}, "serving": {}}
    assert seeds(configuration) == {"split.seed": 20, "training.seed": 42}


def test_on_kubeflow_the_place_of_the_report_tells_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    described = RunDescription(pipeline="readalike", configuration={"keep_versions": 5})
    task = "5e0c4d4c-0f0f-4f3a-8b0b-000000000000"
    placed = described.at(data="s3://reviews", push_dir="/models", folder=KUBEFLOW_FOLDER.format(task))
    assert placed.run_id == "0b9ff3c1-7b3c-4a53-9a0e-d8c2b1f0a7e4"
    assert placed.configuration == {"keep_versions": 5, "data": "s3://reviews", "push_dir": "/models"}
    assert described.at(data="", push_dir="", folder="/somewhere/else").run_id == ""


def test_a_local_run_keeps_its_name() -> None:
    described = RunDescription(pipeline="readalike", run_id="20260131-120000", configuration={})
    assert described.at(data="", push_dir="", folder=KUBEFLOW_FOLDER).run_id == "20260131-120000"
    assert re.fullmatch(r"\d{8}-\d{6}", described.run_id)
