"""What the pipeline specification itself can say of a step's container: resources, environment, retries."""

from google.protobuf import duration_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.kubeflow.parameters import StepSettings
from pipeline.kubeflow.quantities import amount

ContainerSpec = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
GIGABYTE = 1e9


def configure_container(container: ContainerSpec, settings: StepSettings) -> None:
    """Writes image, resources, accelerator and environment of `settings` into `container`.

    Amounts are written twice, as the KFP SDK does: backends before 2.4 know only the plain numbers, later ones prefer the
    texts.
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
    """Writes the retries of `settings` into `task`; without any, the backend tries once."""
    if settings.retries:
        task.retry_policy.max_retry_count = settings.retries
        task.retry_policy.backoff_duration.CopyFrom(duration_pb2.Duration(seconds=settings.retry_seconds))
        task.retry_policy.backoff_factor = settings.retry_factor
        task.retry_policy.backoff_max_duration.CopyFrom(duration_pb2.Duration(seconds=settings.retry_max_seconds))
