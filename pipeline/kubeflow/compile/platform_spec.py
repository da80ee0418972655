"""The second document of a compiled pipeline: Kubernetes settings of each step. It has secrets only by name."""

from collections.abc import Mapping

from google.protobuf import json_format, struct_pb2
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.configuration.kubeflow import StepSettings
from pipeline.kubeflow.compile.backend_versions import OPTIONAL_VARIABLES, Release


def platform_spec(executors: Mapping[str, StepSettings], release: Release) -> pipeline_spec_pb2.PlatformSpec:
    """Returns the document for the settings of executors by label; empty if there are no such settings."""
    document = pipeline_spec_pb2.PlatformSpec()
    for label, settings in executors.items():
        config = json_format.MessageToDict(executor_config(settings, release))
        if config:
            document.platforms["kubernetes"].deployment_spec.executors[label].update(config)
    return document


def executor_config(settings: StepSettings, release: Release) -> kubernetes.KubernetesExecutorConfig:
    """Returns secrets, volumes, node selector and tolerations of `settings` in the format of kfp-kubernetes.

    As in kfp-kubernetes, the name of a secret or a volume claim is written twice. Fields unknown to a backend of
    `release` are left out if that has no effect; `backend_versions.check_settings` has refused the others.
    """
    config = kubernetes.KubernetesExecutorConfig()
    for variable in settings.secret_variables:
        as_variable = config.secret_as_env.add(secret_name=variable.secret)
        if release >= OPTIONAL_VARIABLES:
            as_variable.optional = False
        as_variable.key_to_env.add(secret_key=variable.key, env_var=variable.variable)
        as_variable.secret_name_parameter.runtime_value.constant.CopyFrom(_text(variable.secret))
    for files in settings.secret_files:
        as_files = config.secret_as_volume.add(secret_name=files.secret, mount_path=files.mount_path, optional=False)
        as_files.secret_name_parameter.runtime_value.constant.CopyFrom(_text(files.secret))
    for volume in settings.volumes:
        mount = config.pvc_mount.add(constant=volume.claim, mount_path=volume.mount_path, sub_path=volume.sub_path)
        mount.pvc_name_parameter.runtime_value.constant.CopyFrom(_text(volume.claim))
    if settings.node_selector:
        config.node_selector.labels.update(settings.node_selector)
    for toleration in settings.tolerations:
        config.tolerations.add(
            key=toleration.key,
            operator=toleration.operator,
            value=toleration.value,
            effect=toleration.effect,
            toleration_seconds=toleration.seconds,
        )
    return config


def _text(value: str) -> struct_pb2.Value:
    return struct_pb2.Value(string_value=value)
