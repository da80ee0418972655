from pathlib import Path
from typing import Any

import kfp.components
import pytest
import yaml

import kubeflow_runner

ARGUMENTS = ["--image=registry.example/readalike:1", "--data=gs://bucket/reviews", "--push-dir=gs://bucket/push"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compiled") / "readalike.yaml"
    assert kubeflow_runner.main([*ARGUMENTS, f"--out={out}"]) == 0
    return out


def specification(path: Path) -> dict[str, Any]:
    [document] = list(yaml.safe_load_all(path.read_text()))
    return document


def test_it_is_a_bare_spec_of_the_schema_that_self_hosted_backends_accept(compiled: Path) -> None:
    assert specification(compiled)["schemaVersion"] == "2.1.0"
    assert kfp.components.load_component_from_file(str(compiled)).name == "readalike"


def test_it_has_the_steps_of_the_local_runner(compiled: Path) -> None:
    from pipeline.config import PipelineConfig
    from pipeline.graph import create_pipeline

    local = create_pipeline(PipelineConfig(data="x"), pipeline_root="r", baseline_dir="", key_file=None)
    assert set(specification(compiled)["root"]["dag"]["tasks"]) == {component.id for component in local.components}


def test_it_holds_what_it_was_told_and_nothing_of_this_machine(compiled: Path) -> None:
    text = compiled.read_text()
    assert "registry.example/readalike:1" in text
    assert "gs://bucket/reviews" in text
    assert "gs://bucket/push" in text
    assert str(Path.cwd()) not in text
    assert "data/schema/schema.pbtxt" in text


def test_bad_configuration_is_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert kubeflow_runner.main([*ARGUMENTS, "--max-reject-share=7", f"--out={tmp_path}/x.yaml"]) == 2
    assert "--max-reject-share = '7'" in capsys.readouterr().err
    assert not (tmp_path / "x.yaml").exists()
