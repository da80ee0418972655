"""Runs of the compiled pipeline in a cluster that is a folder."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipeline.config import PipelineConfig
from pipeline.kubeflow.compiler import compile_pipeline
from pipeline.kubeflow.parameters import ContainerSettings, KubeflowParameters, SecretVariable
from tests.kubeflow.backend.cluster import DEFAULT_INSTALLATION, Cluster, RunResult
from tests.kubeflow.backend.driver import Installation

IMAGE: Final = "registry.example/readalike:1"
STORE_PASSWORD: Final = "an-unmistakable-password-of-the-object-store"

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
    ):
        """Takes an empty folder, the pseudonym key, and variables of all containers beside the store's credentials."""
        self.folder = folder
        self.push_dir = folder / "volume" / "push"
        self.baseline_dir = folder / "volume" / "baseline"
        self._environment = dict(environment)
        secrets = {"readalike": {"pseudonym-key": key}, "store": {"user": "readalike", "password": STORE_PASSWORD}}
        self.cluster = Cluster(folder / "cluster", secrets, installation)

    def run(self, data: Path | str, places: Mapping[str, str] = MappingProxyType({}), **fields: Any) -> RunResult:
        """Compiles the pipeline with these fields of the configuration, and runs it.

        Args:
          data: the reviews.
          places: run-time parameters other than those of the volume.
          fields: of the configuration.
        """
        compiled = self.folder / "compiled" / f"{len(list(self.folder.glob('compiled/*')))}.yaml"
        credentials = (
            SecretVariable(secret="store", key="user", variable="AWS_ACCESS_KEY_ID"),
            SecretVariable(secret="store", key="password", variable="AWS_SECRET_ACCESS_KEY"),
        )
        settings = ContainerSettings(secret_variables=credentials, environment=self._environment)
        kubeflow = KubeflowParameters(defaults=settings)
        compile_pipeline(PipelineConfig(kubeflow=kubeflow, **fields), IMAGE, compiled)
        volume = {"data": str(data), "push_dir": str(self.push_dir), "baseline_dir": str(self.baseline_dir)}
        return self.cluster.run(compiled, {**volume, **places})


def secrets_in(folder: Path, *secrets: str) -> list[str]:
    """Returns the files below `folder` that hold one of `secrets` in their bytes or in their names."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() + str(path).encode() for secret in secrets)
    ]
