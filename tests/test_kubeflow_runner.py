import json
from pathlib import Path

import pytest

import kubeflow_runner
from tests.pipeline.kubeflow.compiled import Compiled

ARGUMENTS = ["--image=registry.example/readalike:1", "--data=gs://bucket/reviews", "--push-dir=gs://bucket/push"]


def test_it_compiles_what_it_is_told(tmp_path: Path) -> None:
    out = tmp_path / "build" / "readalike.yaml"
    assert kubeflow_runner.main([*ARGUMENTS, "--training.max-epochs=3", f"--out={out}"]) == 0
    compiled = Compiled(out)
    assert compiled.container("Trainer").image == "registry.example/readalike:1"
    parameters = compiled.spec.root.input_definitions.parameters
    assert parameters["data"].default_value.string_value == "gs://bucket/reviews"
    assert parameters["push_dir"].default_value.string_value == "gs://bucket/push"
    custom_config = compiled.tasks["Trainer"].inputs.parameters["custom_config"].runtime_value.constant.string_value
    assert json.loads(custom_config)["hyperparameters"]["max_epochs"] == 3


def test_bad_configuration_is_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert kubeflow_runner.main([*ARGUMENTS, "--max-reject-share=7", f"--out={tmp_path}/x.yaml"]) == 2
    assert "--max-reject-share = '7'" in capsys.readouterr().err
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize("name", ["file/x.yaml", "folder.yaml"])
def test_a_file_that_cannot_be_written_is_exit_code_2_and_a_sentence(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.yaml").mkdir()
    out = tmp_path / name
    assert kubeflow_runner.main([*ARGUMENTS, f"--out={out}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: --out {out}: cannot be written (")


def test_a_disk_that_is_full_is_exit_code_2_and_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "x.yaml"
    out.symlink_to("/dev/full")
    assert kubeflow_runner.main([*ARGUMENTS, f"--out={out}"]) == 2
    assert f"error: --out {out}: cannot be written (No space left on device)" in capsys.readouterr().err
