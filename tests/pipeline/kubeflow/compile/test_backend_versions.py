"""What is compiled for a release of Kubeflow Pipelines, that release takes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from core.errors import ConfigurationError
from core.project import ROOT
from pipeline.configuration.config import PipelineConfig, read_config
from pipeline.configuration.kubeflow import (
    ContainerSettings,
    KubeflowParameters,
    SecretFiles,
    SecretVariable,
    StepSettings,
    Toleration,
    Volume,
)
from pipeline.kubeflow.compile.backend_versions import release_of
from pipeline.kubeflow.compile.compiler import compile_pipeline
from scripts.bootstrap.uv_tool import uv_environment
from tests.pipeline.kubeflow.compiled import IMAGE, Compiled

# The wheels with the messages of each release: kfp-kubernetes, kfp-pipeline-spec, and the protobuf that they are made
# for. Before 2.14 they were counted by themselves.
WHEELS: Final = {
    "2.5": ("1.5.0", "0.6.0", "4.25.8"),
    "2.14": ("2.14.0", "2.14.0", "6.31.1"),
    "2.15": ("2.15.0", "2.15.0", "6.31.1"),
    "2.16": ("2.16.0", "2.16.0", "6.31.1"),
    "2.17": ("2.17.0", "2.17.0", "6.31.1"),
}

# The messages of `google.rpc`, which those of the pipeline use.
COMMON_PROTOS: Final = "googleapis-common-protos==1.70.0"

# Parses both documents as strictly as the backend does, in an interpreter that sees nothing but those wheels.
PARSER: Final = """
import importlib.util, json, sys
wheels, documents = sys.argv[1:]
sys.path.insert(0, wheels)
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
place = f"{wheels}/kfp/kubernetes/kubernetes_executor_config_pb2.py"
spec = importlib.util.spec_from_file_location("kubernetes_executor_config_pb2", place)
kubernetes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kubernetes)
pipeline, platform = json.load(open(documents))
json_format.ParseDict(pipeline, pipeline_spec_pb2.PipelineSpec())
json_format.ParseDict(pipeline["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
configs = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
for config in configs.values():
    json_format.ParseDict(config, kubernetes.KubernetesExecutorConfig())
print(len(configs))
"""


def settings(*, sub_path: str = "") -> ContainerSettings:
    """Every setting that there is, but `sub_path`, which is what is given."""
    return ContainerSettings(
        cpu_request="500m",
        cpu_limit="2",
        memory_request="1Gi",
        memory_limit="4Gi",
        accelerator="nvidia.com/gpu",
        accelerator_count=1,
        retries=2,
        retry_seconds=1,
        retry_factor=3,
        retry_max_seconds=99,
        environment={"AWS_REGION": "eu-west-1"},
        secret_variables=(SecretVariable(secret="store", key="user", variable="USER_OF_STORE"),),
        secret_files=(SecretFiles(secret="certificates", mount_path="/certificates"),),
        volumes=(Volume(claim="reviews", mount_path="/reviews", sub_path=sub_path),),
        node_selector={"pool": "gpu"},
        tolerations=(Toleration(key="gpu", value="yes", effect="NoExecute", seconds=7),),
    )


def compiled(folder: Path, version: str, *, sub_path: str = "") -> Compiled:
    kubeflow = KubeflowParameters(defaults=settings(sub_path=sub_path), backend_version=version)
    out = folder / f"{version}.yaml"
    compile_pipeline(PipelineConfig(kubeflow=kubeflow), IMAGE, out)
    return Compiled(out)


def test_every_setting_is_tried() -> None:
    assert set(settings().model_dump(exclude_unset=True)) == set(StepSettings.model_fields) - {"image"}


def test_the_default_is_the_oldest_release(plain: Compiled) -> None:
    assert KubeflowParameters().backend_version == "2.5"
    assert "for Kubeflow Pipelines 2.5 and newer" in " ".join(plain.text.replace("#", "").split())


@pytest.mark.parametrize(("version", "optional"), [("2.5", False), ("2.14.4", False), ("2.15", True), ("3.0", True)])
def test_a_variable_says_that_its_secret_must_be_there_where_the_release_knows_the_word(
    version: str, optional: bool, tmp_path: Path
) -> None:
    """Where it is not said, Kubernetes takes it so."""
    file = compiled(tmp_path, version)
    for variable in file.kubernetes("Trainer").secret_as_env:
        assert variable.HasField("optional") is optional
        assert not variable.optional


def test_a_setting_that_needs_a_newer_release_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiled(tmp_path, "2.15.2", sub_path="2026")
    told = str(refused.value)
    assert told.startswith("--kubeflow.backend-version 2.15.2: some settings need Kubeflow Pipelines 2.16:\n")
    assert "\n  Trainer: volumes: sub_path 2026 of the claim reviews\n" in told
    assert "Say --kubeflow.backend-version 2.16 if" in told
    assert not list(tmp_path.iterdir())
    assert "sub_path" in str(compiled(tmp_path, "2.16", sub_path="2026").kubernetes("Trainer"))


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "2.4.1"])
def test_a_release_that_is_too_old_is_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"--kubeflow.backend-version {version}: .*2\.5 is the oldest"):
        compiled(tmp_path, version)


@pytest.mark.parametrize("version", ["", "2", "v2.5", "latest", "2.5.0.1"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--kubeflow.backend-version"):
        read_config([f"--kubeflow.backend-version={version}"])


def test_releases_are_compared_as_numbers() -> None:
    assert release_of("2.5") < release_of("2.14.0") < release_of("2.15.3") < release_of("3.0")


@pytest.fixture(scope="module")
def parsed_by(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Compiled], Any]:
    """Parses a compiled pipeline with the messages of a release; returns the finished process."""
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".cache/uv/bin")
    if uv is None:
        pytest.skip("there is no uv to get the wheels of kfp-kubernetes with: `make setup` brings one")
    homes: dict[str, Path] = {}

    def install(release: str) -> Path:
        home = tmp_path_factory.mktemp("wheels")
        names = ("kfp-kubernetes", "kfp-pipeline-spec", "protobuf")
        wheels = [f"{name}=={version}" for name, version in zip(names, WHEELS[release], strict=True)]
        wheels.append(COMMON_PROTOS)
        command = [uv, "pip", "install", "--python", sys.executable, "--target", str(home), "--no-deps", *wheels]
        done = subprocess.run(command, env=uv_environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the package registry gives no {', '.join(wheels)}: {done.stderr[-300:]}")
        return home

    def parse(release: str, file: Compiled) -> Any:
        homes[release] = homes.get(release) or install(release)
        documents = homes[release] / "documents.json"
        documents.write_text(json.dumps(file.documents))
        command = [sys.executable, "-I", "-S", "-c", PARSER, str(homes[release]), str(documents)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return parse


@pytest.mark.integration
@pytest.mark.exhaustive
@pytest.mark.parametrize("version", WHEELS)
def test_the_messages_of_a_release_take_what_is_compiled_for_it_and_for_older_ones(
    version: str, parsed_by: Callable[[str, Compiled], Any], tmp_path: Path
) -> None:
    for older in [release for release in WHEELS if release_of(release) <= release_of(version)]:
        sub_path = "2026" if release_of(older) >= (2, 16) else ""
        file = compiled(tmp_path, older, sub_path=sub_path)
        done = parsed_by(version, file)
        assert done.returncode == 0, (older, done.stderr)
        assert int(done.stdout) == len(file.tasks)


@pytest.mark.integration
@pytest.mark.exhaustive
@pytest.mark.parametrize(("version", "older", "field"), [("2.15", "2.14", "optional"), ("2.16", "2.15", "subPath")])
def test_the_messages_of_an_older_release_do_not(
    version: str, older: str, field: str, parsed_by: Callable[[str, Compiled], Any], tmp_path: Path
) -> None:
    done = parsed_by(older, compiled(tmp_path, version, sub_path="2026" if field == "subPath" else ""))
    assert done.returncode != 0
    assert f'has no field named "{field}"' in done.stderr
