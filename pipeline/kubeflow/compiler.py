"""From the graph to the YAML that a self-hosted backend of Kubeflow Pipelines v2 takes.

TFX compiles for Vertex AI. What differs is put right here: run-time parameters get their defaults, each step gets the
settings of its container, and `backend_rules` refuses what would not run.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pipeline.config import SCHEMA_FILE, PipelineConfig
from pipeline.kubeflow.caching import may_be_cached
from pipeline.kubeflow.parameters import has_password
from transform.errors import ConfigurationError
from transform.output_files import make_ready, telling

# The command of every container, which gets the arguments that TFX makes. `python` is the image's.
ENTRYPOINT: Final = ("python", "-m", "pipeline.kubeflow.entrypoint")

# The image holds the project's files at the same places below its working folder.
PROJECT: Final = SCHEMA_FILE.parent.parent.parent

DATA: Final = "data"
PUSH_DIR: Final = "push_dir"
BASELINE_DIR: Final = "baseline_dir"

# The steps that make pseudonyms. No other gets the key.
KEY_STEPS: Final = frozenset({"ReviewsFingerprint", "RatingsExampleGen"})


def compile_pipeline(config: PipelineConfig, image: str, out: Path) -> None:
    """Compiles the pipeline into `out`: the pipeline specification, and as a second document what concerns Kubernetes.

    Run-time parameters are `data`, `push_dir` and `baseline_dir`; the first two have a default if `config` names one.
    The pipeline root is given with the run. The pseudonym key comes from the secret that `config.kubeflow` names.

    Args:
      config: what the user asked for.
      image: the container image with this code; empty: that of `config.kubeflow`.
      out: a path that ends in `.yaml`. Folders above it are made.

    Raises:
      ConfigurationError: a setting cannot work, the backend cannot run a step, or `out` cannot be written. Nothing is
        written then.
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
    """Returns the run-time parameters, each with its default, or None where every run has to give it.

    Raises:
      ConfigurationError: a default is a relative path, or has a password in it.
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
    """Returns where a container finds the contract: below its working folder, which is the project's, or on a volume.

    Raises:
      ConfigurationError: it would not find it.
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
    from pipeline.kubeflow import backend_rules, backend_versions
    from pipeline.kubeflow.containers import configure_container, configure_retries
    from pipeline.kubeflow.platform_spec import platform_spec

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
    """Gives run-time parameters the defaults that TFX leaves out.

    One whose default is empty may stay empty: without `is_optional` some user interfaces start no run by hand then
    (https://github.com/kubeflow/pipelines/issues/11515).
    """
    for name, default in defaults.items():
        if default is not None:
            parameter = spec.root.input_definitions.parameters[name]
            parameter.default_value.string_value = default
            parameter.is_optional = not default


def _name_producers(spec: Any) -> None:
    """Names the steps from which parameters come as the backend does: TFX adds the suffix that Vertex AI wants."""
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
