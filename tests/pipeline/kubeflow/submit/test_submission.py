import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kfp
import pytest
import yaml

import kubeflow_runner
from pipeline.kubeflow import cli
from pipeline.kubeflow.submit import submission
from tests.pipeline.kubeflow.submit.api_server import API, ApiServer
from tests.pipeline.kubeflow.submit.contract import ContractError, strictly_read
from tests.pipeline.kubeflow.submit.http_serving import Fault, serving
from tests.pipeline.kubeflow.submit.small_package import TEXT, write_package


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving(ApiServer()) as it:
        yield it


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path)


def submit(server: ApiServer, package: Path, *flags: str) -> int:
    return kubeflow_runner.main(["submit", f"--host={server.address}", f"--package={package}", *flags])


def test_a_run_gets_the_file_its_parameters_and_its_root(server: ApiServer, package: Path) -> None:
    flags = [
        "--data=s3://bucket/reviews",
        "--push-dir=s3://bucket/push",
        "--baseline-dir=s3://bucket/baseline",
        "--pipeline-root=s3://bucket/root",
        "--experiment=nightly",
        "--run-name=first",
        "--service-account=trainer",
    ]
    assert submit(server, package, *flags) == 0
    [run] = server.runs.values()
    assert run.display_name == "first"
    assert run.service_account == "trainer"
    assert server.experiments[run.experiment_id].display_name == "nightly"
    assert run.runtime_config.parameters == {
        "data": "s3://bucket/reviews",
        "push_dir": "s3://bucket/push",
        "baseline_dir": "s3://bucket/baseline",
    }
    assert run.runtime_config.pipeline_root == "s3://bucket/root"
    version = server.versions[run.pipeline_version_reference.pipeline_version_id]
    assert server.pipelines[version.pipeline_id].display_name == "readalike"
    assert server.files[version.pipeline_version_id] == package.read_bytes() == TEXT.encode()


@pytest.mark.filterwarnings("ignore:This client only works:FutureWarning")
def test_the_sdks_own_client_finds_what_was_made(server: ApiServer, package: Path) -> None:
    assert submit(server, package, "--data=/a", "--run-name=first", "--experiment=nightly") == 0
    assert (
        kubeflow_runner.main(
            ["schedule", f"--host={server.address}", f"--package={package}", "--data=/a", "--cron=@daily"]
        )
        == 0
    )
    client = kfp.Client(host=server.address)
    assert client.get_pipeline_id("readalike") in server.pipelines
    experiment = client.get_experiment(experiment_name="nightly").experiment_id
    [run_id] = server.runs
    assert client.get_run(run_id).display_name == "first"
    assert client.get_run(run_id).experiment_id == experiment
    assert client.list_recurring_runs().recurring_runs[0].trigger.cron_schedule.cron == "@daily"


def test_the_second_run_is_a_new_version_of_the_same_pipeline(server: ApiServer, package: Path) -> None:
    assert submit(server, package, "--data=/a", "--version-name=1") == 0
    package.write_text(TEXT + "# changed\n", encoding="utf-8")
    assert submit(server, package, "--data=/b", "--version-name=2") == 0
    assert len(server.pipelines) == len(server.experiments) == 1
    assert [version.name for version in server.versions.values()] == ["1", "2"]
    first, second = server.runs.values()
    assert first.pipeline_version_reference != second.pipeline_version_reference
    assert server.files[second.pipeline_version_reference.pipeline_version_id].endswith(b"# changed\n")
    assert submit(server, package, "--data=/b", "--version-name=2") == 2
    assert len(server.runs) == 2


@pytest.mark.integration
def test_a_version_is_named_by_the_revision_and_the_time(
    server: ApiServer, package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    time = r"\d{8}T\d{6}\.\d{3}Z"
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.setattr(submission, "ROOT", repository)
    assert submit(server, package, "--data=/a") == 0
    (repository / "file").write_text("1")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "file"], [*identity, "commit", "-qm", "First"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    assert submit(server, package, "--data=/a") == 0
    (repository / "file").write_text("2")
    assert submit(server, package, "--data=/a", "--no-cache") == 0
    without, clean, dirty = (version.name for version in server.versions.values())
    assert re.fullmatch(time, without)
    assert re.fullmatch(f"[0-9a-f]{{12}}-{time}", clean)
    assert re.fullmatch(f"{clean[:12]}-dirty-{time}-no-cache", dirty)


def test_without_cache_the_steps_of_that_version_have_none(server: ApiServer, package: Path) -> None:
    assert submit(server, package, "--data=/a", "--no-cache") == 0
    [content] = server.files.values()
    spec, platform = yaml.safe_load_all(content)
    assert {str(task["cachingOptions"]) for task in spec["root"]["dag"]["tasks"].values()} == {"{'enableCache': False}"}
    assert platform == [*yaml.safe_load_all(TEXT)][1]
    assert package.read_text(encoding="utf-8") == TEXT


def test_several_users_need_a_namespace_and_it_is_sent(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(ApiServer(multi_user=True)) as server:
        assert submit(server, package, "--data=/a") == 2
        assert "--namespace is missing" in capsys.readouterr().err
        assert submit(server, package, "--data=/a", "--namespace=team") == 0
        assert submit(server, package, "--data=/a", "--namespace=other") == 0
        assert [it.namespace for it in server.pipelines.values()] == ["team", "other"]
        assert [it.namespace for it in server.experiments.values()] == ["team", "other"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], ["--data: missing; this pipeline has no default"]),
        (["--data=/a", "--training.seed=3"], ["--training.seed=3: says how to compile"]),
        (["--data=/a", "--image=x"], ["--image=x: says how to compile"]),
        (["--data=reviews.csv"], ["--data = 'reviews.csv': is relative"]),
        (["--data=/a", "--pipeline-root=/work"], ["--pipeline-root = '/work': must be in an object store"]),
    ],
)
def test_what_cannot_run_is_refused_before_the_server_is_asked(
    server: ApiServer, package: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: list[str]
) -> None:
    assert submit(server, package, *flags) == 2
    said = capsys.readouterr().err
    for word in words:
        assert word in said
    assert not server.requests


def test_a_value_for_which_the_pipeline_has_no_parameter_is_refused(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(
        tmp_path, TEXT.replace("      baseline_dir: {parameterType: STRING, isOptional: true}\n", "")
    )
    assert submit(server, package, "--data=/a", "--baseline-dir=/b") == 2
    assert "--baseline-dir /b: this pipeline has no such parameter" in capsys.readouterr().err
    assert not server.requests


def test_without_a_package_the_pipeline_is_compiled_and_that_is_sent(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = {}

    def compile_pipeline(config: object, image: str, out: Path) -> None:
        compiled.update(config=config, image=image)
        out.write_text(TEXT, encoding="utf-8")

    monkeypatch.setattr(cli, "compile_pipeline", compile_pipeline)
    out = tmp_path / "compiled.yaml"
    own = ["--image=registry.example/readalike:2", f"--out={out}", "--training.seed=3"]
    values = ["--data=gs://b/reviews", "--push-dir=gs://b/push"]
    assert kubeflow_runner.main(["submit", f"--host={server.address}", *own, *values]) == 0
    assert compiled["image"] == "registry.example/readalike:2"
    assert compiled["config"].training.seed == 3
    assert compiled["config"].data == "gs://b/reviews"
    [run] = server.runs.values()
    assert run.runtime_config.parameters == {"data": "gs://b/reviews", "push_dir": "gs://b/push"}
    assert [*server.files.values()] == [out.read_bytes()]


@pytest.mark.parametrize("command", ["compile", "submit"])
def test_without_an_image_nothing_is_compiled(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    flags = [f"--host={server.address}"] if command == "submit" else []
    assert kubeflow_runner.main([command, *flags, f"--out={tmp_path}/x.yaml", "--data=/a", "--push-dir=/b"]) == 2
    assert "--image: missing" in capsys.readouterr().err
    assert not server.requests


def test_a_command_that_does_not_exist_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert kubeflow_runner.main(["sumbit", "--data=/a"]) == 2
    assert "sumbit: there is no such command. There are compile, submit, schedule." in capsys.readouterr().err


@pytest.mark.parametrize("command", ["submit", "schedule"])
def test_no_flag_takes_a_token(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        kubeflow_runner.main([command, "--help"])
    assert ended.value.code == 0
    flags = set(re.findall(r"^ +(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert {"--host", "--token-file", "--package", "--data", "--pipeline-root"} <= flags
    assert {flag for flag in flags if "token" in flag} == {"--token-file"}


def test_a_run_that_is_refused_leaves_what_was_made_before_it(server: ApiServer, package: Path) -> None:
    server.faults.append(Fault("POST", f"{API}/runs", 500, b"{}", times=1))
    assert submit(server, package, "--data=/a", "--version-name=1") == 1
    assert submit(server, package, "--data=/a", "--version-name=2") == 0
    assert len(server.pipelines) == len(server.experiments) == len(server.runs) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"displayName": "x"},
        {"display_name": 1},
        {"created_at": "yesterday"},
        {"runtime_config": {"parameters": ["a"]}},
        {"state": "WELL"},
    ],
)
def test_the_server_of_these_tests_refuses_what_the_models_do_not_say(body: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        strictly_read("V2beta1Run", body)
