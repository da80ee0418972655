"""Runs of the compiled pipeline in a cluster that is a folder."""

from pathlib import Path
from typing import Any, Final

from pipeline.config import PipelineConfig
from pipeline.kubeflow.compiler import compile_pipeline
from pipeline.kubeflow.parameters import ContainerSettings, KubeflowParameters, SecretVariable
from tests.kubeflow.backend.cluster import Cluster, RunResult

IMAGE: Final = "registry.example/readalike:1"
STORE_PASSWORD: Final = "an-unmistakable-password-of-the-object-store"

# Steps whose answer depends on more than their inputs.
NEVER_CACHED: Final = {"ReviewsFingerprint", "DataGate", "RetrievalEvaluator", "ServingValidator", "Pusher"}


class Kubeflow:
    """A cluster, the volume that its pods have in common, and pipelines that run there."""

    def __init__(self, folder: Path, key: str):
        """Takes an empty folder and the pseudonym key."""
        self.folder = folder
        self.push_dir = folder / "volume" / "push"
        self.baseline_dir = folder / "volume" / "baseline"
        secrets = {"readalike": {"pseudonym-key": key}, "store": {"password": STORE_PASSWORD}}
        self.cluster = Cluster(folder / "cluster", secrets)

    def run(self, data: Path, **fields: Any) -> RunResult:
        """Compiles the pipeline with these fields of the configuration, and runs it on `data`."""
        compiled = self.folder / "compiled" / f"{len(list(self.folder.glob('compiled/*')))}.yaml"
        password = SecretVariable(secret="store", key="password", variable="AWS_SECRET_ACCESS_KEY")
        kubeflow = KubeflowParameters(defaults=ContainerSettings(secret_variables=(password,)))
        compile_pipeline(PipelineConfig(kubeflow=kubeflow, **fields), IMAGE, compiled)
        parameters = {"data": data, "push_dir": self.push_dir, "baseline_dir": self.baseline_dir}
        return self.cluster.run(compiled, {name: str(path) for name, path in parameters.items()})


def secrets_in(folder: Path, *secrets: str) -> list[str]:
    """Returns the files below `folder` that hold one of `secrets` in their bytes or in their names."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() + str(path).encode() for secret in secrets)
    ]
