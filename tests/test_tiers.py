"""Tests that share a costly fixture run on one worker, and the cheap ones first."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.project import ROOT

CONFTEST = """
import pytest
from tests.conftest import pytest_collection_modifyitems

@pytest.fixture(scope="session")
def sample_run(worker_id):
    with open("made.txt", "a") as file:
        print(worker_id, file=file)
"""

MODULE = """
import pytest

@pytest.fixture(scope="module")
def costly(worker_id):
    with open("made-{name}.txt", "a") as file:
        print(worker_id, file=file)

@pytest.mark.{tier}
@pytest.mark.parametrize("number", range(20))
def test_reads_the_run(number, sample_run):
    pass

@pytest.mark.integration
@pytest.mark.parametrize("number", range(20))
def test_needs_the_fixture(number, costly):
    pass

def test_is_cheap(worker_id):
    with open("order-" + worker_id, "a") as file:
        print("cheap", file=file)
"""

OPTIONS = "--import-mode=importlib -p no:cacheprovider -q --dist loadgroup --no-loadscope-reorder -n"


@pytest.mark.integration
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_a_shared_run_and_a_modules_fixture_are_made_once(workers: int, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    markers = "\n".join(["[pytest]", f"pythonpath = {ROOT}", "markers =", "  integration", "  e2e", "  exhaustive"])
    (tmp_path / "pytest.ini").write_text(markers)
    for name, tier in (("one", "e2e"), ("two", "exhaustive")):
        (tmp_path / f"test_{name}.py").write_text(MODULE.format(name=name, tier=tier))
    command = [sys.executable, "-m", "pytest", *OPTIONS.split(), str(workers)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "82 passed" in done.stdout
    for made in ("made.txt", "made-one.txt", "made-two.txt"):
        assert len((tmp_path / made).read_text().splitlines()) == 1, made
