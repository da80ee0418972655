"""Every setting of every step is found again in the compiled pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from core.pseudonyms import KEY_VARIABLE
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.kubeflow import (
    ContainerSettings,
    KubeflowParameters,
    SecretFiles,
    SecretVariable,
    StepSettings,
    Toleration,
    Volume,
)
from pipeline.kubeflow.compile.compiler import KEY_STEPS, compile_pipeline
from tests.pipeline.kubeflow.compiled import IMAGE, Compiled

GIBIBYTE: Final = 2**30 / 1e9


def settings(number: int) -> StepSettings:
    """Settings of which no value is that of another number."""
    return StepSettings(
        image=f"registry.example/step:{number}",
        cpu_request=f"{number}500m",
        cpu_limit=f"{number + 50}",
        memory_request=f"{number}Gi",
        memory_limit=f"{number + 50}Gi",
        accelerator=f"vendor{number}.example/gpu",
        accelerator_count=number,
        retries=number,
        retry_seconds=number + 10,
        retry_factor=number + 1,
        retry_max_seconds=number + 100,
        environment={f"NAME_{number}": f"value-{number}"},
        secret_variables=(SecretVariable(secret=f"secret-{number}", key=f"key-{number}", variable=f"S3_{number}"),),
        secret_files=(SecretFiles(secret=f"files-{number}", mount_path=f"/secrets/{number}"),),
        volumes=(Volume(claim=f"claim-{number}", mount_path=f"/volumes/{number}", sub_path=f"sub-{number}"),),
        node_selector={f"label-{number}": f"pool-{number}"},
        tolerations=(Toleration(key=f"taint-{number}", value=f"v{number}", effect="NoExecute", seconds=number),),
    )


# How each setting stands in the compiled pipeline, by field: what is found, and what it must be.
FOUND: Final[dict[str, Callable[[Any, Any, Any, StepSettings], tuple[Any, Any]]]] = {
    "image": lambda box, _task, _pod, own: (box.image, own.image),
    "cpu_request": lambda box, _task, _pod, own: (
        (box.resources.resource_cpu_request, box.resources.cpu_request),
        (own.cpu_request, pytest.approx(float(own.cpu_request[:-1]) / 1000)),
    ),
    "cpu_limit": lambda box, _task, _pod, own: (
        (box.resources.resource_cpu_limit, box.resources.cpu_limit),
        (own.cpu_limit, float(own.cpu_limit)),
    ),
    "memory_request": lambda box, _task, _pod, own: (
        (box.resources.resource_memory_request, box.resources.memory_request),
        (own.memory_request, pytest.approx(int(own.memory_request[:-2]) * GIBIBYTE)),
    ),
    "memory_limit": lambda box, _task, _pod, own: (
        (box.resources.resource_memory_limit, box.resources.memory_limit),
        (own.memory_limit, pytest.approx(int(own.memory_limit[:-2]) * GIBIBYTE)),
    ),
    "accelerator": lambda box, _task, _pod, own: (
        (box.resources.accelerator.resource_type, box.resources.accelerator.type),
        (own.accelerator, own.accelerator),
    ),
    "accelerator_count": lambda box, _task, _pod, own: (
        (box.resources.accelerator.resource_count, box.resources.accelerator.count),
        (str(own.accelerator_count), own.accelerator_count),
    ),
    "retries": lambda _box, task, _pod, own: (task.retry_policy.max_retry_count, own.retries),
    "retry_seconds": lambda _box, task, _pod, own: (task.retry_policy.backoff_duration.seconds, own.retry_seconds),
    "retry_factor": lambda _box, task, _pod, own: (task.retry_policy.backoff_factor, own.retry_factor),
    "retry_max_seconds": lambda _box, task, _pod, own: (
        task.retry_policy.backoff_max_duration.seconds,
        own.retry_max_seconds,
    ),
    "environment": lambda box, _task, _pod, own: ({item.name: item.value for item in box.env}, own.environment),
    "secret_variables": lambda _box, _task, pod, own: (
        [
            (
                item.secret_name,
                item.secret_name_parameter.runtime_value.constant.string_value,
                *((pair.secret_key, pair.env_var) for pair in item.key_to_env),
            )
            for item in pod.secret_as_env
        ],
        [(item.secret, item.secret, (item.key, item.variable)) for item in own.secret_variables],
    ),
    "secret_files": lambda _box, _task, pod, own: (
        [
            (item.secret_name, item.secret_name_parameter.runtime_value.constant.string_value, item.mount_path)
            for item in pod.secret_as_volume
        ],
        [(item.secret, item.secret, item.mount_path) for item in own.secret_files],
    ),
    "volumes": lambda _box, _task, pod, own: (
        [
            (item.constant, item.pvc_name_parameter.runtime_value.constant.string_value, item.mount_path, item.sub_path)
            for item in pod.pvc_mount
        ],
        [(item.claim, item.claim, item.mount_path, item.sub_path) for item in own.volumes],
    ),
    "node_selector": lambda _box, _task, pod, own: (dict(pod.node_selector.labels), own.node_selector),
    "tolerations": lambda _box, _task, pod, own: (
        [(item.key, item.operator, item.value, item.effect, item.toleration_seconds) for item in pod.tolerations],
        [(item.key, item.operator, item.value, item.effect, item.seconds) for item in own.tolerations],
    ),
}


def test_every_setting_is_looked_for() -> None:
    assert set(FOUND) == set(StepSettings.model_fields)


def test_each_step_has_its_own_settings(plain: Compiled, tmp_path: Path) -> None:
    numbers = {step: number for number, step in enumerate(plain.tasks, start=1)}
    own = {step: settings(number) for step, number in numbers.items()}
    kubeflow = KubeflowParameters(steps=own, backend_version="2.16")
    compile_pipeline(PipelineConfig(kubeflow=kubeflow), IMAGE, tmp_path / "x.yaml")
    compiled = Compiled(tmp_path / "x.yaml")
    assert "RatingsExampleGen" in numbers
    for step, expected in own.items():
        if step in KEY_STEPS:
            key = SecretVariable(secret="readalike", key="pseudonym-key", variable=KEY_VARIABLE)
            expected = expected.model_copy(update={"secret_variables": (*expected.secret_variables, key)})
        for field, look in FOUND.items():
            found, wanted = look(compiled.container(step), compiled.tasks[step], compiled.kubernetes(step), expected)
            assert found == wanted, (step, field)


def test_all_steps_have_the_defaults(plain: Compiled, tmp_path: Path) -> None:
    shared = ContainerSettings(**settings(3).model_dump(exclude={"image"}))
    kubeflow = KubeflowParameters(defaults=shared, backend_version="2.16")
    compile_pipeline(PipelineConfig(kubeflow=kubeflow), IMAGE, tmp_path / "x.yaml")
    compiled = Compiled(tmp_path / "x.yaml")
    for step in plain.tasks:
        for field, look in FOUND.items():
            if field != "image" and (field != "secret_variables" or step not in KEY_STEPS):
                parts = compiled.container(step), compiled.tasks[step], compiled.kubernetes(step)
                found, wanted = look(*parts, shared)
                assert found == wanted, (step, field)


def test_a_retry_has_a_week_unless_it_is_told(tmp_path: Path) -> None:
    """Argo ends a retry that runs at that time, and none begins after it."""
    shared = ContainerSettings(retries=1)
    compile_pipeline(PipelineConfig(kubeflow=KubeflowParameters(defaults=shared)), IMAGE, tmp_path / "x.yaml")
    policy = Compiled(tmp_path / "x.yaml").tasks["Trainer"].retry_policy
    assert (policy.max_retry_count, policy.backoff_duration.seconds, policy.backoff_factor) == (1, 60, 2)
    assert policy.backoff_max_duration.seconds == 7 * 24 * 3600


def test_without_settings_there_are_none(plain: Compiled) -> None:
    for step, task in plain.tasks.items():
        assert not plain.container(step).HasField("resources"), step
        assert not plain.container(step).env, step
        assert not task.HasField("retry_policy"), step
