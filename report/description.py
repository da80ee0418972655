"""Facts that the runner knows before a run and that the artifacts do not hold."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from typing import Any, Final

from core.project import ROOT
from report.facts.figures import Fact
from report.facts.run import Lineage

REVISION_VARIABLE: Final = "READALIKE_REVISION"
"""Environment variable set in the container image: the git revision of the build."""

# Format of a Kubeflow run id.
_RUN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

PACKAGES: Final = (
    "tfx",
    "tensorflow",
    "tensorflow-recommenders",
    "tensorflow-data-validation",
    "tensorflow-transform",
    "tf-keras",
    "ml-metadata",
    "apache-beam",
    "pyarrow",
    "numpy",
    "scipy",
    "scikit-learn",
)
"""Packages whose versions affect the results of a run."""


class RunDescription(Fact):
    """Description of a run by its runner."""

    pipeline: str
    runner: str = "kubeflow"
    """`local` or `kubeflow`."""

    run_id: str = ""
    """Empty: the id is known only from the addresses of the artifacts."""

    started: str | None = None
    """UTC, `2026-01-31T12:00:00Z`."""

    configuration: dict[str, Any]
    """Every field, nested as in the TOML file, without passwords."""

    steps_file: str | None = None
    """File with the duration and peak memory of each step."""

    pseudonym_key_id: str | None = None

    def at(self, *, data: str, push_dir: str, folder: str, key_id: str = "") -> "RunDescription":
        """Returns the description with the fields that are known only during the run.

        Args:
          data: address of the reviews.
          push_dir: address of the push folder.
          folder: address of any artifact of the run. On Kubeflow it contains the run id.
          key_id: id of the pseudonym key. Empty: the reviews artifact has none.
        """
        configuration = {**self.configuration, "data": data, "push_dir": push_dir}
        found = _RUN_ID.search(folder)
        run_id = self.run_id or (found[0] if found else "")
        known = {"pseudonym_key_id": key_id} if key_id else {}
        return self.model_copy(update={"configuration": configuration, "run_id": run_id, **known})

    def lineage(self, data_sha256: str | None = None) -> Lineage:
        """Returns the lineage of the run.

        Args:
          data_sha256: SHA-256 of the reviews. None: they were not read.
        """
        return Lineage(
            data_sha256=data_sha256,
            git_revision=revision(),
            pseudonym_key_id=self.pseudonym_key_id,
            versions=versions(),
            seeds=seeds(self.configuration),
            configuration=self.configuration,
        )


def revision() -> str | None:
    """Returns the git revision of the image or the checkout, with `-dirty` if files differ; None without git."""
    if os.environ.get(REVISION_VARIABLE):
        return os.environ[REVISION_VARIABLE]
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def versions() -> dict[str, str]:
    """Returns the versions of Python and of `PACKAGES`."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def seeds(configuration: dict[str, Any]) -> dict[str, int]:
    """Returns the seeds of a nested configuration by field name, such as `split.seed`."""
    return {
        f"{group}.{name}": value
        for group, fields in configuration.items()
        if isinstance(fields, dict)
        for name, value in fields.items()
        if name == "seed"
    }
