"""A compiled pipeline as the KFP SDK and the backend read it."""

from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2

IMAGE = "registry.example/readalike:1a2b3c"


class Compiled:
    """The two documents of a YAML file, parsed as strictly as the API server does: an unknown field is an error."""

    def __init__(self, path: Path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all(self.text))

    @cached_property
    def spec(self) -> pipeline_spec_pb2.PipelineSpec:
        return json_format.ParseDict(self.documents[0], pipeline_spec_pb2.PipelineSpec())

    @cached_property
    def deployment(self) -> pipeline_spec_pb2.PipelineDeploymentConfig:
        return json_format.ParseDict(self.documents[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())

    @property
    def tasks(self) -> dict[str, pipeline_spec_pb2.PipelineTaskSpec]:
        return dict(self.spec.root.dag.tasks)

    def label(self, step: str) -> str:
        return self.spec.components[self.tasks[step].component_ref.name].executor_label

    def container(self, step: str) -> pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec:
        executor = self.deployment.executors[self.label(step)]
        assert executor.WhichOneof("spec") == "container"
        return executor.container

    def kubernetes(self, step: str) -> kubernetes.KubernetesExecutorConfig:
        platform = json_format.ParseDict(self.documents[1], pipeline_spec_pb2.PlatformSpec())
        executors = platform.platforms["kubernetes"].deployment_spec.executors
        config = json_format.MessageToDict(executors[self.label(step)]) if self.label(step) in executors else {}
        return json_format.ParseDict(config, kubernetes.KubernetesExecutorConfig())
