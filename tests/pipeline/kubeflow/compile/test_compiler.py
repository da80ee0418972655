import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import kfp.components
import pytest

from core.errors import ConfigurationError
from core.pseudonyms import KEY_VARIABLE
from pipeline.configuration.config import SCHEMA_FILE, PipelineConfig, read_config
from pipeline.configuration.kubeflow import KubeflowParameters, StepSettings
from pipeline.graph import create_pipeline
from pipeline.kubeflow.compile.compiler import ENTRYPOINT, KEY_STEPS, compile_pipeline, parameter_defaults, schema_file
from tests.pipeline.kubeflow.compiled import IMAGE, Compiled
from trainer.tuning.parameters import TuningParameters


def steps_of_the_local_runner() -> list[str]:
    local = create_pipeline(PipelineConfig(), data="x", push_dir="y", baseline_dir="", pipeline_root="r", key_file=None)
    return [node.id for node in local.components]


def test_the_sdk_loads_both_documents(plain: Compiled) -> None:
    loaded = kfp.components.load_component_from_file(str(plain.path))
    assert loaded.name == "readalike"
    assert loaded.pipeline_spec == plain.spec
    assert "kubernetes" in loaded.platform_spec.platforms
    assert len(plain.documents) == 2


def test_it_is_a_bare_spec_of_the_schema_that_self_hosted_backends_take(plain: Compiled) -> None:
    assert plain.spec.schema_version == "2.1.0"
    assert plain.spec.sdk_version == f"tfx-{version('tfx')}"
    assert plain.spec.pipeline_info.name == "readalike"
    assert not {"pipelineSpec", "runtimeConfig"} & set(plain.documents[0])


def test_it_has_the_steps_of_the_local_runner(plain: Compiled) -> None:
    assert set(plain.tasks) == set(steps_of_the_local_runner())


def test_every_step_runs_the_entrypoint_in_the_image(plain: Compiled) -> None:
    for step in plain.tasks:
        container = plain.container(step)
        assert container.image == IMAGE
        assert tuple(container.command) == ENTRYPOINT
        assert container.args[0] == "--executor_class_path"
        assert list(container.args[2:4]) == ["--json_serialized_invocation_args", "{{$}}"]


def test_beam_gets_its_arguments(tmp_path: Path) -> None:
    config = PipelineConfig(beam_runner="FlinkRunner", flink_master="flink:8081", beam_args="--flink_submit_uber_jar")
    compile_pipeline(config, IMAGE, tmp_path / "x.yaml")
    for step in ("RatingsExampleGen", "StatisticsGen", "InteractionSplitter", "Transform"):
        arguments = Compiled(tmp_path / "x.yaml").container(step).args
        first = list(arguments).index("--runner=FlinkRunner")
        assert list(arguments[first:]) == config.beam_pipeline_args, step
        assert {"--flink_master=flink:8081", "--flink_submit_uber_jar"} <= set(arguments), step


def test_nothing_that_the_backend_ignores_or_refuses_is_in_it(plain: Compiled) -> None:
    for word in ("lifecycle", "resolver", "customJob", "preCacheCheck", "_task\n"):
        assert word not in plain.text, word


def test_nothing_of_the_compiling_machine_is_in_it(plain: Compiled) -> None:
    root = SCHEMA_FILE.parent.parent.parent
    for word in (str(root), str(Path.home()) + "/", str(Path.cwd()), sys.prefix, "site-packages"):
        assert word not in plain.text, word
    python = ".".join(map(str, sys.version_info[:2]))
    assert not re.search(rf"(?i)py(thon)?[-_ ]?{re.escape(python)}|py{python.replace('.', '[-_]?')}", plain.text)
    assert plain.tasks["Contract"].inputs.parameters["schema_file"].runtime_value.constant.string_value == (
        "data/schema/schema.pbtxt"
    )


@pytest.mark.exhaustive
def test_the_same_configuration_is_the_same_bytes_wherever_it_is_compiled(plain: Compiled, tmp_path: Path) -> None:
    root = SCHEMA_FILE.parent.parent.parent
    subprocess.run(
        [sys.executable, str(root / "kubeflow_runner.py"), f"--image={IMAGE}", "--out=again.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7", "HOME": str(tmp_path), "TF_USE_LEGACY_KERAS": "1"},
        check=True,
    )
    assert (tmp_path / "again.yaml").read_bytes() == plain.path.read_bytes()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (str(SCHEMA_FILE), "data/schema/schema.pbtxt"),
        ("data/schema/schema.pbtxt", "data/schema/schema.pbtxt"),
        ("/volume/schema.pbtxt", "/volume/schema.pbtxt"),
    ],
)
def test_the_contract_is_named_as_a_container_finds_it(given: str, found: str) -> None:
    assert str(schema_file(PipelineConfig(schema_file=given))) == found


@pytest.mark.parametrize("given", ["none.pbtxt", "../schema.pbtxt", "s3://bucket/schema.pbtxt"])
def test_a_contract_that_no_container_finds_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--schema-file .*no container finds it"):
        compile_pipeline(PipelineConfig(schema_file=given), IMAGE, tmp_path / "x.yaml")


def test_a_run_must_say_where_the_reviews_and_the_models_are_unless_the_configuration_does(
    plain: Compiled, tmp_path: Path
) -> None:
    parameters = plain.spec.root.input_definitions.parameters
    assert set(parameters) == {"data", "push_dir", "baseline_dir"}
    assert not parameters["data"].HasField("default_value")
    assert {name for name, parameter in parameters.items() if parameter.is_optional} == {"baseline_dir"}
    assert not parameters["push_dir"].HasField("default_value")
    assert parameters["baseline_dir"].default_value.WhichOneof("kind") == "string_value"
    assert parameters["baseline_dir"].default_value.string_value == ""

    config = PipelineConfig(
        data="s3://bucket/reviews", push_dir="/models", kubeflow=KubeflowParameters(baseline_dir="s3://bucket/baseline")
    )
    compile_pipeline(config, IMAGE, tmp_path / "given.yaml")
    given = Compiled(tmp_path / "given.yaml").spec.root.input_definitions.parameters
    assert given["data"].default_value.string_value == "s3://bucket/reviews"
    assert given["push_dir"].default_value.string_value == "/models"
    assert given["baseline_dir"].default_value.string_value == "s3://bucket/baseline"


@pytest.mark.parametrize(
    ("step", "parameter", "name"),
    [
        ("ReviewsFingerprint", "data", "data"),
        ("RatingsExampleGen", "data", "data"),
        ("DataGate", "baseline_dir", "baseline_dir"),
        ("RetrievalEvaluator", "push_dir", "push_dir"),
    ],
)
def test_what_varies_between_runs_is_bound_when_a_run_starts(
    plain: Compiled, step: str, parameter: str, name: str
) -> None:
    assert plain.tasks[step].inputs.parameters[parameter].component_input_parameter == name


def test_the_pusher_gets_the_push_folder_of_the_run(plain: Compiled) -> None:
    bound = [item.component_input_parameter for item in plain.tasks["Pusher"].inputs.parameters.values()]
    assert "push_dir" in bound


@pytest.mark.parametrize("flag", ["--data", "--push-dir", "--kubeflow.baseline-dir"])
def test_a_relative_default_is_refused(flag: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{flag} here: is relative"):
        parameter_defaults(read_config([flag, "here"]))


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match=r"--push-dir: the address holds a password") as caught:
        parameter_defaults(PipelineConfig(push_dir="s3://id:unmistakable@bucket/push"))
    assert "unmistakable" not in str(caught.value)


def test_the_fingerprint_enters_by_value(plain: Compiled) -> None:
    """An output parameter, not an artifact: the backend's cache key has parameters by value and artifacts by name."""
    task = plain.tasks["RatingsExampleGen"]
    producer = task.inputs.parameters["fingerprint"].task_output_parameter
    assert (producer.producer_task, producer.output_parameter_key) == ("ReviewsFingerprint", "fingerprint")
    assert "ReviewsFingerprint" in task.dependent_tasks
    assert "fingerprint" in plain.spec.components["ReviewsFingerprint"].output_definitions.parameters
    assert not task.inputs.artifacts


def test_only_steps_that_depend_on_their_inputs_alone_may_be_cached(plain: Compiled) -> None:
    cached = {step for step, task in plain.tasks.items() if task.caching_options.enable_cache}
    assert cached == {
        "RatingsExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "Contract",
        "ExampleValidator",
        "InteractionSplitter",
        "Transform",
        "Trainer",
    }
    for step in cached:  # What is never cached is a new artifact every time: it must be taken by value, or not at all.
        for item in plain.tasks[step].inputs.artifacts.values():
            assert item.task_output_artifact.producer_task in cached, step


def test_the_key_comes_from_a_secret_and_only_where_pseudonyms_are_made(plain: Compiled) -> None:
    for step in plain.tasks:
        variables = [
            (item.secret_name, pair.secret_key, pair.env_var, item.optional)
            for item in plain.kubernetes(step).secret_as_env
            for pair in item.key_to_env
        ]
        assert variables == ([("readalike", "pseudonym-key", KEY_VARIABLE, False)] if step in KEY_STEPS else []), step


def test_no_credential_of_this_machine_or_the_configuration_is_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {
        KEY_VARIABLE: "unmistakable-pseudonym-key",
        "AWS_ACCESS_KEY_ID": "unmistakable-access-key",
        "AWS_SECRET_ACCESS_KEY": "unmistakable-secret-key",
        "READALIKE_KFP_TOKEN": "unmistakable-token",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    key_file = tmp_path / "own.key"
    key_file.write_text("unmistakable-key-in-a-file")
    config = PipelineConfig(pseudonym_key_file=key_file, metadata="mysql://user:unmistakable-password@host/mlmd")
    compile_pipeline(config, IMAGE, tmp_path / "x.yaml")
    text = (tmp_path / "x.yaml").read_text()
    assert "unmistakable" not in text
    assert str(tmp_path) not in text


def test_bad_settings_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "folder" / "x.yaml"
    faulty = [
        (PipelineConfig(), "", out, "--image: missing"),
        (PipelineConfig(), IMAGE, out.with_suffix(".json"), "must end in .yaml"),
        (PipelineConfig(kubeflow=KubeflowParameters(steps={"Tuner": StepSettings()})), IMAGE, out, "no step Tuner"),
        (
            PipelineConfig(
                kubeflow=KubeflowParameters(
                    defaults=StepSettings(memory_limit="1Gi"), steps={"Trainer": StepSettings(memory_request="2Gi")}
                )
            ),
            IMAGE,
            out,
            "Trainer.*memory_request 2Gi is above memory_limit 1Gi",
        ),
    ]
    for config, image, path, told in faulty:
        with pytest.raises(ConfigurationError, match=f"(?s){told}"):
            compile_pipeline(config, image, path)
    assert not out.parent.exists()


def test_the_image_of_the_configuration_is_taken_where_none_is_given(tmp_path: Path) -> None:
    config = PipelineConfig(kubeflow=KubeflowParameters(image="own.example/readalike:7"))
    compile_pipeline(config, "", tmp_path / "x.yaml")
    assert Compiled(tmp_path / "x.yaml").container("Trainer").image == "own.example/readalike:7"


def test_the_tuner_hands_its_hyperparameters_to_the_trainer(tmp_path: Path) -> None:
    tuning = TuningParameters(trials=2, study_dir="/volume/tuning")
    compile_pipeline(PipelineConfig(tuning=tuning), IMAGE, tmp_path / "x.yaml")
    compiled = Compiled(tmp_path / "x.yaml")
    source = compiled.tasks["Trainer"].inputs.artifacts["hyperparameters"].task_output_artifact
    assert (source.producer_task, source.output_artifact_key) == ("Tuner", "best_hyperparameters")
    given = compiled.tasks["Tuner"].inputs.parameters
    assert given["study_dir"].runtime_value.constant.string_value == "/volume/tuning"
    assert TuningParameters.model_validate_json(given["parameters"].runtime_value.constant.string_value) == tuning


def test_a_relative_folder_of_trials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--tuning\.study-dir here: is relative"):
        compile_pipeline(PipelineConfig(tuning=TuningParameters(study_dir="here")), IMAGE, tmp_path / "x.yaml")
