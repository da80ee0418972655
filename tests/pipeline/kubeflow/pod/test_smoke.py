import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from core.project import ROOT
from pipeline.kubeflow.compile.compiler import ENTRYPOINT
from pipeline.kubeflow.pod.smoke import fault, main, named_in
from tests.pipeline.kubeflow.compiled import Compiled


def test_it_names_every_executor_the_entrypoint_and_the_functions(plain: Compiled) -> None:
    executors = {plain.container(step).args[1] for step in plain.tasks}
    functions = {"trainer.run.run_fn", "transform.preprocessing.preprocessing_fn"}
    assert set(named_in(plain.path)) == executors | functions | {ENTRYPOINT[-1]}


def test_all_that_the_pipeline_names_is_there(plain: Compiled) -> None:
    names = [name for name in named_in(plain.path) if name != ENTRYPOINT[-1]]
    assert {name: reason for name in names if (reason := fault(name))} == {}


@pytest.mark.integration
def test_what_is_missing_is_reported_and_all_else_is_still_tried(tmp_path: Path) -> None:
    containers = [
        {"command": ["python", "-m", "json.tool"], "args": ["--executor_class_path", "collections.Counter"]},
        {"args": ["--executor_class_path", "collections.NoSuchClass"]},
        {"args": ["--executor_class_path", "no_such_package.module.Executor"]},
    ]
    document = {
        "deploymentSpec": {"executors": {str(at): {"container": box} for at, box in enumerate(containers)}},
        "root": {"dag": {"tasks": {}}},
    }
    file = tmp_path / "x.yaml"
    file.write_text(yaml.safe_dump(document))
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.kubeflow.pod.smoke", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "ok      collections.Counter",
        "FAILED  collections.NoSuchClass  AttributeError: module 'collections' has no attribute 'NoSuchClass'",
        "ok      json.tool",
        "FAILED  no_such_package.module.Executor  ModuleNotFoundError: No module named 'no_such_package'",
    ]


@pytest.mark.parametrize("content", ["a: 1", "- 1", "", "{", "a: [\0]"])
def test_what_is_no_pipeline_is_told(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(content)
    assert main([str(file)]) == 2
    assert f"{file}: is no compiled pipeline" in capsys.readouterr().err


def test_a_missing_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none.yaml"]) == 2
    assert "none.yaml: cannot be read" in capsys.readouterr().err
    assert main([]) == 2
