"""Writes container settings into the pipeline specification: resources, environment, retries."""

from typing import Final, TypeAlias

from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.configuration.kubeflow import StepSettings
from pipeline.configuration.quantities import amount

ContainerSpec: TypeAlias = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
GIGABYTE: Final = 1e9
RETRY_SECONDS: Final = 60
RETRY_FACTOR: Final = 2

# Argo ends a running retry then. If unset, release 2.5 has no bound, and later releases use 0, which means no retries.
RETRY_MAX_SECONDS: Final = 7 * 24 * 3600


def configure_container(container: ContainerSpec, settings: StepSettings) -> None:
    """Writes image, resources, accelerator and environment of `settings` into `container`.

    Amounts are written twice, as in the KFP SDK: backends before 2.4 read only the numbers, later ones prefer the text.
    """
    if settings.image:
        container.image = settings.image
    resources = container.resources
    for name in ("cpu_request", "cpu_limit", "memory_request", "memory_limit"):
        quantity = getattr(settings, name)
        if quantity is not None:
            setattr(resources, f"resource_{name}", quantity)
            setattr(resources, name, amount(quantity) / (GIGABYTE if name.startswith("memory") else 1))
    if settings.accelerator:
        count = settings.accelerator_count or 1
        resources.accelerator.type = resources.accelerator.resource_type = settings.accelerator
        resources.accelerator.count, resources.accelerator.resource_count = count, str(count)
    for name, value in sorted(settings.environment.items()):
        container.env.add(name=name, value=value)


def configure_retries(task: pipeline_spec_pb2.PipelineTaskSpec, settings: StepSettings) -> None:
    """Writes the retries of `settings` into `task`. Without retries the backend makes one attempt."""
    if settings.retries:
        task.retry_policy.max_retry_count = settings.retries
        first, longest = settings.retry_seconds, settings.retry_max_seconds or RETRY_MAX_SECONDS
        task.retry_policy.backoff_duration.FromSeconds(RETRY_SECONDS if first is None else first)
        task.retry_policy.backoff_factor = settings.retry_factor or RETRY_FACTOR
        task.retry_policy.backoff_max_duration.FromSeconds(longest)
