"""Runs of the compiled pipeline in a cluster that is a folder."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.kubeflow import ContainerSettings, KubeflowParameters, SecretVariable
from pipeline.kubeflow.compile.compiler import compile_pipeline
from tests.kubeflow.backend.cluster import DEFAULT_INSTALLATION, Cluster, RunResult
from tests.kubeflow.backend.driver import Installation

IMAGE: Final = "registry.example/readalike:1"
STORE_PASSWORD: Final = "an-unmistakable-password-of-the-object-store"

# This step's pod is not forked in the first run: it shows that the compiled command starts. It loads TFX while the
# fork server does.
STARTED: Final = "ReviewsFingerprint"

# Steps whose answer depends on more than their inputs.
NEVER_CACHED: Final = {
    "ReviewsFingerprint",
    "DataGate",
    "RetrievalEvaluator",
    "ServingValidator",
    "ModelCard",
    "Pusher",
    "RunReport",
}


class Kubeflow:
    """A cluster, the volume that its pods have in common, and pipelines that run there."""

    def __init__(
        self,
        folder: Path,
        key: str,
        environment: Mapping[str, str] = MappingProxyType({}),
        installation: Installation = DEFAULT_INSTALLATION,
        *,
        forked: bool = True,
    ):
        """Makes an empty cluster.

        Args:
          folder: where everything is; empty.
          key: the pseudonym key.
          environment: variables of all containers beside the store's credentials.
          installation: of Kubeflow Pipelines.
          forked: whether pods are forked from a process that has loaded TFX, but for one.
        """
        self.folder = folder
        self.push_dir = folder / "volume" / "push"
        self.baseline_dir = folder / "volume" / "baseline"
        self._environment = dict(environment)
        secrets = {"readalike": {"pseudonym-key": key}, "store": {"user": "readalike", "password": STORE_PASSWORD}}
        self.cluster = Cluster(folder / "cluster", secrets, installation, self._is_forked)
        self._forked = forked
        self._runs = 0

    def run(self, data: Path | str, places: Mapping[str, str] = MappingProxyType({}), **fields: Any) -> RunResult:
        """Compiles the pipeline with these fields of the configuration, and runs it.

        Args:
          data: the reviews.
          places: run-time parameters other than those of the volume.
          fields: of the configuration.
        """
        self._runs += 1
        compiled = self.folder / "compiled" / f"{self._runs}.yaml"
        credentials = (
            SecretVariable(secret="store", key="user", variable="AWS_ACCESS_KEY_ID"),
            SecretVariable(secret="store", key="password", variable="AWS_SECRET_ACCESS_KEY"),
        )
        settings = ContainerSettings(secret_variables=credentials, environment=self._environment)
        kubeflow = KubeflowParameters(defaults=settings)
        compile_pipeline(PipelineConfig(kubeflow=kubeflow, **fields), IMAGE, compiled)
        volume = {"data": str(data), "push_dir": str(self.push_dir), "baseline_dir": str(self.baseline_dir)}
        return self.cluster.run(compiled, {**volume, **places})

    def _is_forked(self, step: str) -> bool:
        return self._forked and (step != STARTED or self._runs > 1)


def secrets_in(folder: Path, *secrets: str) -> list[str]:
    """Returns the files below `folder` that hold one of `secrets` in their bytes or in their names."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() + str(path).encode() for secret in secrets)
    ]
