"""Checks which releases of Kubeflow Pipelines accept the Kubernetes settings of a compiled pipeline.

The backend reads the platform document strictly: an unknown field ends the run before its first step. Source:
`kubernetes_platform/proto` of kubeflow/pipelines; `docs/kubeflow.md` has the table.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from core.errors import ConfigurationError
from pipeline.configuration.kubeflow import StepSettings

Release: TypeAlias = tuple[int, int]

# The first release that accepts names of secrets and claims as parameters.
OLDEST: Final = (2, 5)

# The first release with `optional` for a variable from a secret. Without the field the secret is required, as intended.
OPTIONAL_VARIABLES: Final = (2, 15)

# The first release with `sub_path` of a volume. Without the field a step would get the whole volume.
SUB_PATHS: Final = (2, 16)


def release_of(version: str) -> Release:
    """Returns the release of `version`, such as `2.5` or `2.14.3`.

    Raises:
      ConfigurationError: the version is older than the oldest supported release.
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < OLDEST:
        raise ConfigurationError(
            f"--kubeflow.backend-version {version}: Kubeflow Pipelines {_text(OLDEST)} is the oldest that runs this "
            "pipeline. Update the installation."
        )
    return major, minor


def check_settings(steps: Mapping[str, StepSettings], version: str) -> None:
    """Checks that a backend of `version` accepts the settings of all `steps`.

    Raises:
      ConfigurationError: a setting needs a newer release, or the version is not supported at all.
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
