"""Uploads a compiled pipeline as a version and starts a run of it."""

import re
import subprocess
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import kfp_server_api as api
from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.errors import ConfigurationError
from core.project import ROOT
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.package import Package, write_without_cache
from storage import locations

# Addresses that Kubeflow's launcher can write to.
ROOT_ADDRESS: Final = re.compile(r"(gs|s3|minio)://[^/?]+(/[^?]*)?(\?.+)?")


class JobParameters(BaseModel):
    """Parameters of a run, or of each run of a schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    experiment: str = Field(default="readalike", min_length=1)
    """Experiment of the runs. Created if missing."""

    version_name: str | None = Field(default=None, min_length=1)
    """Name of the uploaded version. Unset: the git revision, if any, and the time."""

    pipeline_root: str | None = Field(default=None, min_length=1)
    """Address of the artifacts: `s3://bucket/readalike`, or with `minio://` or `gs://`. Unset: the default of the
    installation."""

    data: str | None = Field(default=None, min_length=1)
    """Run-time parameter: the reviews."""

    push_dir: str | None = Field(default=None, min_length=1)
    """Run-time parameter: the push folder."""

    baseline_dir: str | None = None
    """Run-time parameter: folder of the statistics of the last accepted reviews. Empty: no comparison."""

    cache: bool = True
    """Keep the cache settings of the compiled steps, or turn all caches off for this version. It never turns a cache
    on."""

    service_account: str | None = Field(default=None, min_length=1)
    """Kubernetes service account of the steps. Unset: the default of the installation."""

    @field_validator("data", "push_dir", "baseline_dir")
    @classmethod
    def _is_not_relative(cls, value: str | None) -> str | None:
        if value and not locations.is_remote(value) and not value.startswith("/"):
            raise ValueError(
                "is relative, and would be looked up in the container: name an address in an object store, or the "
                "absolute path of a mounted volume"
            )
        return value

    @field_validator("pipeline_root")
    @classmethod
    def _is_in_an_object_store(cls, value: str | None) -> str | None:
        if value is not None and not ROOT_ADDRESS.fullmatch(value):
            raise ValueError("must be in an object store, such as s3://bucket/readalike")
        return value


def upload(client: KubeflowClient, package: Package, job: JobParameters) -> api.V2beta1PipelineVersionReference:
    """Uploads the package as a version of the pipeline with its name, created if missing, and returns the version.

    Both documents of the file are uploaded unchanged. A run that contains the pipeline would need no version, but
    nobody could start it again from the UI.
    """
    pipeline = client.find_pipeline(package.name) or client.create_pipeline(package.name)
    name = job.version_name or _version_name()
    if job.cache:
        version = client.upload_version(pipeline.pipeline_id, name, package.file)
    else:
        with tempfile.TemporaryDirectory() as folder:
            without = write_without_cache(package, Path(folder) / package.file.name)
            version = client.upload_version(pipeline.pipeline_id, f"{name}-no-cache", without.file)
    return api.V2beta1PipelineVersionReference(
        pipeline_id=pipeline.pipeline_id, pipeline_version_id=version.pipeline_version_id
    )


def provide_experiment(client: KubeflowClient, name: str) -> str:
    """Returns the id of the experiment with that name, which is created if missing."""
    experiment = client.find_experiment(name) or client.create_experiment(name)
    return str(experiment.experiment_id)


def runtime_config(package: Package, job: JobParameters) -> api.V2beta1RuntimeConfig:
    """Returns the values of the run-time parameters, and the pipeline root.

    Raises:
      ConfigurationError: the pipeline lacks a parameter that is set, or a required parameter is not set.
    """
    given = {name: value for name in ("data", "push_dir", "baseline_dir") if (value := getattr(job, name)) is not None}
    faults = [
        f"  {_flag(name)} {value}: this pipeline has no such parameter. Leave it out, or compile the pipeline anew."
        for name, value in given.items()
        if name not in package.parameters
    ]
    faults += [
        f"  {_flag(name)}: missing; this pipeline has no default for it."
        for name, required in package.parameters.items()
        if required and name not in given
    ]
    if faults:
        raise ConfigurationError("\n".join([f"{package.file}: {len(faults)} fault(s) in its parameters:", *faults]))
    return api.V2beta1RuntimeConfig(parameters=given, pipeline_root=job.pipeline_root)


def submit(client: KubeflowClient, package: Package, job: JobParameters, run_name: str | None) -> api.V2beta1Run:
    """Uploads the pipeline, starts a run of it, and returns the run.

    Args:
      client: the server.
      package: the compiled pipeline.
      job: parameters of the run.
      run_name: name of the run. None: the pipeline's name and the time.
    """
    config = runtime_config(package, job)
    client.check()
    version = upload(client, package, job)
    return client.create_run(
        api.V2beta1Run(
            display_name=run_name or f"{package.name} {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}",
            experiment_id=provide_experiment(client, job.experiment),
            pipeline_version_reference=version,
            runtime_config=config,
            service_account=job.service_account,
        )
    )


def _flag(parameter: str) -> str:
    return "--" + parameter.replace("_", "-")


def _version_name() -> str:
    """Returns `<revision>-<time>`, or the time alone without git. `-dirty` marks a revision with changed files."""
    now = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return now
    return f"{described}-{now}"
