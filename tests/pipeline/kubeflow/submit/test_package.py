from pathlib import Path

import kfp.components
import pytest
import yaml

from core.errors import ConfigurationError
from pipeline.kubeflow.submit.package import read_package, write_without_cache
from tests.pipeline.kubeflow.submit.small_package import STEPS, TEXT, write_package


def test_it_says_name_parameters_and_steps_in_the_order_in_which_they_run(tmp_path: Path) -> None:
    package = read_package(write_package(tmp_path))
    assert package.name == "readalike"
    assert package.steps == STEPS
    assert package.parameters == {"data": True, "push_dir": False, "baseline_dir": False}


def test_without_cache_nothing_but_the_cache_is_other(tmp_path: Path) -> None:
    package = read_package(write_package(tmp_path))
    without = write_without_cache(package, tmp_path / "without.yaml")
    before, platform_before = yaml.safe_load_all(TEXT)
    after, platform_after = yaml.safe_load_all(without.file.read_text(encoding="utf-8"))
    assert platform_after == platform_before
    for task in after["root"]["dag"]["tasks"].values():
        assert task.pop("cachingOptions") == {"enableCache": False}
    for task in before["root"]["dag"]["tasks"].values():
        task.pop("cachingOptions")
    assert after == before
    tasks = kfp.components.load_component_from_file(str(without.file)).pipeline_spec.root.dag.tasks
    assert not any(task.caching_options.enable_cache for task in tasks.values())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "is not YAML"),
        ("- a list", "is not a compiled pipeline"),
        ("schemaVersion: 2.1.0", "is not a compiled pipeline"),
        (TEXT.replace("schemaVersion: 2.1.0", "schemaVersion: 2.0.0"), "has schema version 2.0.0"),
        (TEXT + "---\nplatforms: {}\n", "holds 3 documents"),
        (TEXT.replace("platforms:", "elsewhere:"), "with `platforms:` after it"),
        (TEXT.replace("producerTask: Read", "producerTask: Push"), "is not a compiled pipeline"),
        ("", "holds 0 documents"),
    ],
)
def test_what_the_server_would_refuse_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        read_package(write_package(tmp_path, text))


def test_a_file_that_is_not_there_or_no_yaml_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_package(tmp_path / "missing.yaml")
    with pytest.raises(ConfigurationError, match=r"must be a \.yaml file"):
        read_package(tmp_path / "pipeline.json")
