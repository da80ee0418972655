"""What a runner knows of a run before it starts, and the artifacts do not tell."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from components.report.facts import Lineage
from components.report.figures import Fact

ROOT: Final = Path(__file__).resolve().parent.parent.parent

REVISION_VARIABLE: Final = "READALIKE_REVISION"
"""Set in the container image: the git revision that it was built from."""

# As Kubeflow names a run.
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
"""Packages whose version decides what a run gives."""


class RunDescription(Fact):
    """What a run is, as its runner says."""

    pipeline: str
    runner: str = "kubeflow"
    """`local` or `kubeflow`."""

    run_id: str = ""
    """Empty: only the place of the artifacts tells it."""

    started: str | None = None
    """UTC, `2026-01-31T12:00:00Z`."""

    configuration: dict[str, Any]
    """Every field, nested as in the TOML file; passwords left out."""

    steps_file: str | None = None
    """Where the runner keeps how long each step took."""

    pseudonym_key_id: str | None = None

    def at(self, *, data: str, push_dir: str, folder: str, key_id: str = "") -> "RunDescription":
        """Returns the description with what is known only when the run is under way.

        Args:
          data: where the reviews are.
          push_dir: where models are pushed.
          folder: of one of the run's artifacts. On Kubeflow the run's id is in its address.
          key_id: of the key that made the users' pseudonyms; empty: the artifact of the reviews does not tell it.
        """
        configuration = {**self.configuration, "data": data, "push_dir": push_dir}
        found = _RUN_ID.search(folder)
        run_id = self.run_id or (found[0] if found else "")
        known = {"pseudonym_key_id": key_id} if key_id else {}
        return self.model_copy(update={"configuration": configuration, "run_id": run_id, **known})

    def lineage(self, data_sha256: str | None = None) -> Lineage:
        """Returns what the run is made of.

        Args:
          data_sha256: of the reviews; None: they were not read.
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
    """Returns the git revision of the sources, `-dirty` where files differ from it; in a container, the image's."""
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
    """Returns the seeds in a nested configuration, by the name of their field."""
    return {
        f"{group}.{name}": value
        for group, fields in configuration.items()
        if isinstance(fields, dict)
        for name, value in fields.items()
        if name == "seed"
    }
