"""A compiled pipeline becomes a version on the server, and the version a run."""

import re
import subprocess
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import kfp_server_api as api
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.kubeflow.client import KubeflowClient
from pipeline.kubeflow.package import Package, write_without_cache
from transform import storage
from transform.errors import ConfigurationError

# What Kubeflow's launcher can write to.
_ROOT_ADDRESS: Final = re.compile(r"(gs|s3|minio)://[^/?]+(/[^?]*)?(\?.+)?")
_ROOT: Final = Path(__file__).resolve().parents[2]


class JobParameters(BaseModel):
    """What a run, and each run of a schedule, is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    experiment: str = Field(default="readalike", min_length=1)
    """Experiment that the runs belong to; made if missing."""

    version_name: str | None = Field(default=None, min_length=1)
    """Name of the uploaded version; unset: the git revision, where there is one, and the time."""

    pipeline_root: str | None = Field(default=None, min_length=1)
    """Where artifacts are written: `s3://bucket/readalike`, or with `minio://` or `gs://`; unset: the installation's
    own place."""

    data: str | None = Field(default=None, min_length=1)
    """Run-time parameter: the reviews."""

    push_dir: str | None = Field(default=None, min_length=1)
    """Run-time parameter: the push folder."""

    baseline_dir: str | None = None
    """Run-time parameter: where the statistics of the last accepted data are kept; empty: nothing is compared."""

    cache: bool = True
    """Leave each step's cache as it was compiled, or turn all off for this version. Nothing turns on a cache that a
    step must not have."""

    service_account: str | None = Field(default=None, min_length=1)
    """Kubernetes service account of the steps; unset: the installation's own."""

    @field_validator("data", "push_dir", "baseline_dir")
    @classmethod
    def _is_not_relative(cls, value: str | None) -> str | None:
        if value and not storage.is_remote(value) and not value.startswith("/"):
            raise ValueError(
                "is relative, and would be looked up in the container: name an address in an object store, or the "
                "absolute path of a mounted volume"
            )
        return value

    @field_validator("pipeline_root")
    @classmethod
    def _is_in_an_object_store(cls, value: str | None) -> str | None:
        if value is not None and not _ROOT_ADDRESS.fullmatch(value):
            raise ValueError("must be in an object store, such as s3://bucket/readalike")
        return value


def upload(client: KubeflowClient, package: Package, job: JobParameters) -> api.V2beta1PipelineVersionReference:
    """Uploads the pipeline as a version, of the pipeline of its name if there is one. Returns the version.

    The file arrives as it is, both of its documents. A run that carried the pipeline within itself would not need a
    version, but nobody could start it again from the UI.
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
    """Returns the id of the experiment of that name, which is made if there is none."""
    experiment = client.find_experiment(name) or client.create_experiment(name)
    return str(experiment.experiment_id)


def runtime_config(package: Package, job: JobParameters) -> api.V2beta1RuntimeConfig:
    """Returns the values of the pipeline's run-time parameters, and its root.

    Raises:
      ConfigurationError: the pipeline has no parameter for a given value, or one without a value.
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
    """Uploads the pipeline and starts a run of it. Returns the run.

    Args:
      client: the server.
      package: the compiled pipeline.
      job: what the run is given.
      run_name: None: the pipeline's name and the time.
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
    """Returns `<revision>-<time>`, the revision marked where files differ from it, or the time alone."""
    now = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return now
    return f"{described}-{now}"
