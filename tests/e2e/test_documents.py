"""A newcomer's walk: the documents' commands run, and print what the documents say."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE
from tests.documents import Block, blocks, is_as_shown, make_newcomers_folder, write_toml_of
from tests.e2e.runs import SAMPLE, Run

pytestmark = pytest.mark.e2e

# The environment is there: the tests run in it.
MAKE_WITHOUT_SETUP = 'make() { command make --old-file=setup "$@"; }\n'
A_DAY = 86_400
# What takes longer is not for a document's test: such a block says so above its fence.
LIMIT_SECONDS = 180

# What takes as long as TensorFlow takes to load. Each of them has tests of its own.
SLOW = ("serving.recommend", "import tensorflow", "kubeflow_runner.py")


@pytest.fixture
def newcomer(sample_run: Run, tmp_path: Path) -> Path:
    """A checkout after `make run`, into whose push folder an earlier run has pushed too."""
    folder = tmp_path / "readalike"
    make_newcomers_folder(folder, gzip.decompress(SAMPLE.read_bytes()).decode("utf-8"))
    shutil.copytree(sample_run.work_dir, folder / "work")
    shutil.copytree(sample_run.push_dir, folder / "push")
    [pushed] = (folder / "push").iterdir()
    shutil.copytree(pushed, pushed.with_name(str(int(pushed.name) - A_DAY)))
    for name in ("work", "push"):
        (folder / f"my-{name}").symlink_to(name)
    return folder


def shown(block: Block) -> Any:
    """What README shows is run with the other tests, and what takes a second; the rest with the long proofs."""
    quick = block.document.name == "README.md" or not any(program in block.runnable for program in SLOW)
    return pytest.param(block, id=block.name, marks=[] if quick else [pytest.mark.exhaustive])


@pytest.mark.parametrize("block", [shown(block) for block in blocks() if not block.reason and block.runnable])
def test_it_runs_and_prints_what_is_shown(block: Block, newcomer: Path) -> None:
    write_toml_of(block.document, newcomer)
    environment = {name: value for name, value in os.environ.items() if name not in (KEY_VARIABLE, KEY_FILE_VARIABLE)}
    done = subprocess.run(
        ["sh", "-eu", "-c", MAKE_WITHOUT_SETUP + block.runnable],
        cwd=newcomer,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if block.printed:
        assert is_as_shown(done.stdout, block.printed), done.stdout
