"""Compiles the graph to YAML for a self-hosted backend of Kubeflow Pipelines v2.

TFX compiles for Vertex AI. This module adds the differences: defaults of run-time parameters and the container settings
of each step. `backend_rules` refuses unsupported features.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from core.errors import ConfigurationError
from pipeline.configuration.config import SCHEMA_FILE, PipelineConfig
from pipeline.configuration.kubeflow import has_password
from pipeline.kubeflow.compile.caching import may_be_cached
from storage.output_files import make_ready, telling

# The command of every container. TFX adds the arguments. `python` is that of the image.
ENTRYPOINT: Final = ("python", "-m", "pipeline.kubeflow.pod.entrypoint")

# The image has the project's files at the same paths relative to its working folder.
PROJECT: Final = SCHEMA_FILE.parent.parent.parent

DATA: Final = "data"
PUSH_DIR: Final = "push_dir"
BASELINE_DIR: Final = "baseline_dir"

# The steps that make pseudonyms. No other gets the key.
KEY_STEPS: Final = frozenset({"ReviewsFingerprint", "RatingsExampleGen"})


def compile_pipeline(config: PipelineConfig, image: str, out: Path) -> None:
    """Compiles the pipeline into `out`: the pipeline specification, and a second document for Kubernetes.

    Run-time parameters are `data`, `push_dir` and `baseline_dir`; the first two have a default if `config` sets one.
    The run sets the pipeline root. The pseudonym key comes from the secret that `config.kubeflow` names.

    Args:
      config: the configuration.
      image: the container image with this code. Empty: that of `config.kubeflow`.
      out: a path that ends in `.yaml`. Its parent folders are created.

    Raises:
      ConfigurationError: a setting cannot work, the backend cannot run a step, or `out` cannot be written. Then
        nothing is written.
    """
    image = image or config.kubeflow.image
    if not image:
        raise ConfigurationError("--image: missing. Name the container image with this code: `make image` builds one.")
    if out.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"--out {out}: must end in .yaml, the only form that the backend takes.")
    if config.tuning.study_dir and not config.tuning.study_dir.startswith("/"):
        raise ConfigurationError(
            f"--tuning.study-dir {config.tuning.study_dir}: is relative, and would be looked up in the container. Name "
            "the absolute path of a mounted volume."
        )
    defaults = parameter_defaults(config)
    config = config.model_copy(update={"schema_file": schema_file(config)})

    from kfp.compiler import pipeline_spec_builder

    spec, platform = _specification(config, image, defaults)
    description = (
        f"From reviews to a served recommender. Compiled from a TFX {version('tfx')} pipeline, for Kubeflow Pipelines "
        f"{config.kubeflow.backend_version} and newer."
    )
    make_ready("--out", out)
    with telling("--out", out):
        pipeline_spec_builder.write_pipeline_spec_to_file(spec, description, platform, str(out))


def parameter_defaults(config: PipelineConfig) -> dict[str, str | None]:
    """Returns the run-time parameters with their defaults; None if every run must set the parameter.

    Raises:
      ConfigurationError: a default is a relative path, or contains a password.
    """
    given = config.model_fields_set
    defaults = {
        DATA: config.data or None,
        PUSH_DIR: config.push_dir if "push_dir" in given else None,
        BASELINE_DIR: config.kubeflow.baseline_dir,
    }
    for name, value in defaults.items():
        flag = "--kubeflow.baseline-dir" if name == BASELINE_DIR else f"--{name.replace('_', '-')}"
        if value and has_password(value):
            raise ConfigurationError(
                f"{flag}: the address holds a password, and would be readable in the compiled pipeline. Put it into a "
                "Kubernetes secret and name that under secret_variables."
            )
        if value and not urlsplit(value).scheme and not value.startswith("/"):
            raise ConfigurationError(
                f"{flag} {value}: is relative, and would be looked up in the container. Name an "
                "address in an object store, or the absolute path of a mounted volume."
            )
    return defaults


def schema_file(config: PipelineConfig) -> Path:
    """Returns the path of the data contract in a container: relative to the project in the image, or on a volume.

    Raises:
      ConfigurationError: a container would not find the file.
    """
    path = config.schema_file.resolve()
    if path.is_relative_to(PROJECT) and path.is_file():
        return path.relative_to(PROJECT)
    if not config.schema_file.is_absolute():
        raise ConfigurationError(
            f"--schema-file {config.schema_file}: no container finds it. Name a file of the project, which is part of "
            "the image, or the absolute path of one on a mounted volume."
        )
    return config.schema_file


def _specification(config: PipelineConfig, image: str, defaults: Mapping[str, str | None]) -> tuple[Any, Any]:
    """Returns the pipeline specification and the platform specification."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx import v1 as tfx

    from pipeline.graph import create_pipeline
    from pipeline.kubeflow.compile import backend_rules, backend_versions
    from pipeline.kubeflow.compile.containers import configure_container, configure_retries
    from pipeline.kubeflow.compile.platform_spec import platform_spec

    parameters = {name: tfx.dsl.experimental.RuntimeParameter(name=name, ptype=str) for name in defaults}
    pipeline = create_pipeline(config, **parameters, pipeline_root="", key_file=None, study_dir=config.tuning.study_dir)
    backend_rules.check_nodes(pipeline)
    settings = _settings(config, [node.id for node in pipeline.components])
    backend_versions.check_settings(settings, config.kubeflow.backend_version)

    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
        )
    )
    compiled = runner.run(pipeline, write_out=False)["pipelineSpec"]
    spec = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineSpec())
    deployment = json_format.ParseDict(compiled["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    _set_defaults(spec, defaults)
    _name_producers(spec)
    labels = {name: spec.components[task.component_ref.name].executor_label for name, task in _tasks(spec)}
    for name, task in _tasks(spec):
        executor = deployment.executors[labels[name]]
        if executor.HasField("container"):
            configure_container(executor.container, settings[name])
        configure_retries(task, settings[name])
        task.caching_options.enable_cache = may_be_cached(
            name, image=executor.container.image, schema_file=config.schema_file
        )
    backend_rules.check_specification(spec, deployment)
    spec.deployment_spec.Clear()
    spec.deployment_spec.update(json_format.MessageToDict(deployment))
    executors = {labels[name]: settings[name] for name in sorted(labels)}
    return spec, platform_spec(executors, backend_versions.release_of(config.kubeflow.backend_version))


def _tasks(spec: Any) -> list[tuple[str, Any]]:
    return sorted(spec.root.dag.tasks.items())


def _set_defaults(spec: Any, defaults: Mapping[str, str | None]) -> None:
    """Sets the defaults of run-time parameters, which TFX leaves out.

    A parameter with an empty default is optional. Without `is_optional` some user interfaces cannot start a run by hand
    (https://github.com/kubeflow/pipelines/issues/11515).
    """
    for name, default in defaults.items():
        if default is not None:
            parameter = spec.root.input_definitions.parameters[name]
            parameter.default_value.string_value = default
            parameter.is_optional = not default


def _name_producers(spec: Any) -> None:
    """Removes the suffix that TFX adds to names of producer tasks for Vertex AI, because the backend has none."""
    for _, task in _tasks(spec):
        for item in task.inputs.parameters.values():
            if item.HasField("task_output_parameter"):
                producer = item.task_output_parameter.producer_task
                item.task_output_parameter.producer_task = producer.removesuffix("_task")


def _settings(config: PipelineConfig, steps: list[str]) -> dict[str, Any]:
    """Returns the settings of each of `steps`."""
    unknown = sorted(set(config.kubeflow.steps) - set(steps))
    if unknown:
        raise ConfigurationError(
            f"--kubeflow.steps: there is no step {', '.join(unknown)}. The steps are {', '.join(steps)}."
        )
    settings, faults = {}, []
    for step in steps:
        try:
            settings[step] = config.kubeflow.settings(step, needs_key=step in KEY_STEPS)
        except ValueError as error:
            faults.append(f"  --kubeflow.steps.{step}, with the defaults: {error}")
    if faults:
        raise ConfigurationError("\n".join(["The settings of some steps do not agree:", *faults]))
    return settings
