"""Schedules of regular runs on the server."""

from datetime import datetime
from typing import Final

import kfp_server_api as api
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from core.errors import ReadalikeError
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.cron import six_fields
from pipeline.kubeflow.submit.package import Package
from pipeline.kubeflow.submit.submission import JobParameters, provide_experiment, runtime_config, upload

# Parallel runs would be compared with the same served model, and the slower one could replace a better model.
_CONCURRENCY: Final = "1"


class ScheduleParameters(BaseModel):
    """Times of a schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    cron: str
    """Cron expression: six fields, `second minute hour day month weekday`, a crontab's five, or a shorthand such as
    `@daily`. In the time zone of the installation, UTC by default."""

    schedule_name: str | None = Field(default=None, min_length=1)
    """Name of the schedule. It replaces schedules with that name in the experiment. Unset: the pipeline's name."""

    start_time: AwareDatetime | None = None
    """No run before this time, such as `2030-01-31T06:00:00Z`."""

    end_time: AwareDatetime | None = None
    """No run after this time."""

    catch_up: bool = False
    """Start all runs missed while the schedule was disabled or the server was down. Otherwise only the last one."""

    enabled: bool = True
    """Enable the schedule at once. Otherwise it starts no runs until somebody enables it."""

    @field_validator("cron")
    @classmethod
    def _has_six_fields(cls, value: str) -> str:
        return six_fields(value)

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> "ScheduleParameters":
        if self.start_time and self.end_time and self.end_time <= self.start_time:
            raise ValueError("--end-time must be after --start-time")
        return self


def schedule(
    client: KubeflowClient, package: Package, job: JobParameters, when: ScheduleParameters
) -> api.V2beta1RecurringRun:
    """Uploads the pipeline, creates a schedule in place of those with the same name, and returns it.

    The old and the new schedule never both start runs: the new one is enabled only after the old ones are disabled.
    """
    config = runtime_config(package, job)
    client.check()
    version = upload(client, package, job)
    experiment = provide_experiment(client, job.experiment)
    name = when.schedule_name or package.name
    replaced = client.recurring_runs(name, experiment)
    created = client.create_recurring_run(
        api.V2beta1RecurringRun(
            display_name=name,
            experiment_id=experiment,
            namespace=client.connection.namespace or None,
            pipeline_version_reference=version,
            runtime_config=config,
            service_account=job.service_account,
            trigger=_trigger(when.cron, when.start_time, when.end_time),
            max_concurrency=_CONCURRENCY,
            no_catchup=not when.catch_up,
            mode=_mode(when.enabled and not replaced),
        )
    )
    if replaced:
        _replace(client, replaced, created, when.enabled)
    return created


def _replace(
    client: KubeflowClient, replaced: list[api.V2beta1RecurringRun], created: api.V2beta1RecurringRun, enabled: bool
) -> None:
    """Disables the old schedules, enables the new one, and deletes the old ones.

    Raises:
      ReadalikeError: the server refused; the message says which schedules exist now.
    """
    done = "the new one is there, disabled; the old one may still start runs"
    try:
        for old in replaced:
            client.disable_recurring_run(old.recurring_run_id)
        done = "the old and the new one are there, both disabled"
        if enabled:
            client.enable_recurring_run(created.recurring_run_id)
        done = "the new one is in force; the old one is there too, disabled"
        for old in replaced:
            client.delete_recurring_run(old.recurring_run_id)
    except ReadalikeError as error:
        old_ids = ", ".join(str(old.recurring_run_id) for old in replaced)
        error.args = (
            f"{error} The schedule was replaced by halves: {done} (old: {old_ids}; new: {created.recurring_run_id}). "
            "Run the command again.",
        )
        raise


def _trigger(cron: str, start: datetime | None, end: datetime | None) -> api.V2beta1Trigger:
    return api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=cron, start_time=start, end_time=end))


def _mode(enabled: bool) -> str:
    return api.RecurringRunMode.ENABLE if enabled else api.RecurringRunMode.DISABLE
