"""Which releases of Kubeflow Pipelines take what a compiled pipeline says to Kubernetes.

The backend reads the platform document strictly: a field that its release does not know ends the run before its first
step. Read in `kubernetes_platform/proto` of kubeflow/pipelines; `docs/kubeflow.md` has the table.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from pipeline.kubeflow.parameters import StepSettings
from transform.errors import ConfigurationError

Release: TypeAlias = tuple[int, int]

# The first release that takes the names of secrets and claims as parameters, as they are written.
OLDEST: Final = (2, 5)

# `optional` of a variable from a secret. Without it a secret must be there, which is what it would say.
OPTIONAL_VARIABLES: Final = (2, 15)

# `sub_path` of a volume. Without it a step would get the whole volume.
SUB_PATHS: Final = (2, 16)


def release_of(version: str) -> Release:
    """Returns the release that `version`, as in `2.5` or `2.14.3`, belongs to.

    Raises:
      ConfigurationError: it is older than any that is supported.
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < OLDEST:
        raise ConfigurationError(
            f"--kubeflow.backend-version {version}: Kubeflow Pipelines {_text(OLDEST)} is the oldest that runs this "
            "pipeline. Update the installation."
        )
    return major, minor


def check_settings(steps: Mapping[str, StepSettings], version: str) -> None:
    """Checks that a backend of `version` takes the settings of all `steps`.

    Raises:
      ConfigurationError: one needs a newer release, or the version is too old for anything.
    """
    if release_of(version) >= SUB_PATHS:
        return
    faults = [
        f"  {step}: volumes: sub_path {volume.sub_path} of the claim {volume.claim}"
        for step, settings in steps.items()
        for volume in settings.volumes
        if volume.sub_path
    ]
    if faults:
        needed = _text(SUB_PATHS)
        raise ConfigurationError(
            "\n".join(
                [
                    f"--kubeflow.backend-version {version}: some settings need Kubeflow Pipelines {needed}:",
                    *faults,
                    f"Say --kubeflow.backend-version {needed} if the installation is that new; else leave sub_path "
                    "out, and name the folder in the paths of the run.",
                ]
            )
        )


def _text(release: Release) -> str:
    return ".".join(map(str, release))
