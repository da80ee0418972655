"""Container settings for Kubeflow Pipelines: image, resources, environment, secrets and node placement.

`[kubeflow.defaults]` applies to all steps, `[kubeflow.steps.<step>]` to one step.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from core.pseudonyms import KEY_VARIABLE
from pipeline.configuration.quantities import amount

# An error of this type must not show its value.
CREDENTIAL_FAULT: Final = "credential"
CREDENTIAL_NAMES: Final = ("KEY", "SECRET", "PASSWORD", "PASSWD", "TOKEN")
# A variable with the path of a credential holds no credential.
PLACE_NAMES: Final = ("_FILE", "_PATH", "_DIR")

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|[kMGT]|[KMGT]i)?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[-._A-Za-z0-9]{1,253}$")]
MountPath = Annotated[str, StringConstraints(pattern=r"^/[^:]+$")]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SecretVariable(_Parameters):
    """A value of a Kubernetes secret as an environment variable."""

    secret: ObjectName
    """Name of the secret."""

    key: SecretKey
    """Key in the secret."""

    variable: VariableName
    """Name of the environment variable."""


class SecretFiles(_Parameters):
    """A Kubernetes secret mounted as files, one per key."""

    secret: ObjectName
    """Name of the secret."""

    mount_path: MountPath
    """Folder of the files."""


class Volume(_Parameters):
    """A persistent volume claim mounted as a folder."""

    claim: ObjectName
    """Name of the claim."""

    mount_path: MountPath
    """Folder of the volume in the container."""

    sub_path: str = ""
    """Mounted folder of the volume. Empty: its root."""


class Toleration(_Parameters):
    """A toleration: a step may run on nodes with this taint."""

    key: str = ""
    """Key of the taint. Empty: any."""

    operator: Literal["Equal", "Exists"] = "Equal"
    """`Equal`: the taint must have the value. `Exists`: any value."""

    value: str = ""
    """Value of the taint."""

    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect of the taint. Empty: any."""

    seconds: int | None = Field(default=None, ge=0)
    """Seconds that the step stays on a node that gets a `NoExecute` taint. Unset: no limit."""


class ContainerSettings(_Parameters):
    """Settings of the containers of all steps."""

    cpu_request: Quantity | None = None
    """CPU request of the step, such as `2` or `500m`."""

    cpu_limit: Quantity | None = None
    """CPU limit of the step."""

    memory_request: Quantity | None = None
    """Memory request of the step, such as `4Gi`."""

    memory_limit: Quantity | None = None
    """Memory limit of the step. Above it the step is killed."""

    accelerator: str | None = Field(default=None, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")
    """Kubernetes resource name of the accelerator, such as `nvidia.com/gpu`."""

    accelerator_count: int | None = Field(default=None, ge=1)
    """Number of accelerators. Unset: one if `accelerator` is set."""

    retries: int | None = Field(default=None, ge=0, le=20)
    """Maximum number of retries of a failed step. Unset: none. A gate that refuses is retried too."""

    retry_seconds: int | None = Field(default=None, ge=0)
    """Seconds before the first retry. Unset: 60."""

    retry_factor: int | None = Field(default=None, ge=1)
    """Factor by which each further wait grows. A whole number, because Argo reads no other. Unset: 2."""

    retry_max_seconds: int | None = Field(default=None, ge=1)
    """Seconds from the first start after which no retry starts and a running retry is ended. Unset: a week. It must
    exceed the time of all attempts and waits."""

    environment: dict[VariableName, str] = Field(default_factory=dict)
    """Environment variables. Credentials belong in `secret_variables`."""

    secret_variables: tuple[SecretVariable, ...] = ()
    """Environment variables from Kubernetes secrets: `secret`, `key`, `variable`."""

    secret_files: tuple[SecretFiles, ...] = ()
    """Kubernetes secrets as files: `secret`, `mount_path`."""

    volumes: tuple[Volume, ...] = ()
    """Persistent volume claims: `claim`, `mount_path`, `sub_path`."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: tuple[Toleration, ...] = ()
    """Tolerated taints: `key`, `operator`, `value`, `effect`, `seconds`."""

    @field_validator("environment")
    @classmethod
    def _no_credentials(cls, environment: dict[str, str]) -> dict[str, str]:
        for name, value in environment.items():
            upper = name.upper()
            named = any(part in upper for part in CREDENTIAL_NAMES) and not upper.endswith(PLACE_NAMES)
            if named or has_password(value):
                raise PydanticCustomError(
                    CREDENTIAL_FAULT,
                    "{name} looks like a credential, and would be readable in the compiled pipeline. Put it into a "
                    "Kubernetes secret and name that under secret_variables",
                    {"name": name},
                )
        return environment

    @model_validator(mode="after")
    def _agree(self) -> "ContainerSettings":
        if self.accelerator_count is not None and self.accelerator is None:
            raise ValueError("accelerator_count needs an accelerator, as in nvidia.com/gpu")
        for kind in ("cpu", "memory"):
            request, limit = getattr(self, f"{kind}_request"), getattr(self, f"{kind}_limit")
            if request is not None and limit is not None and amount(request) > amount(limit):
                raise ValueError(f"{kind}_request {request} is above {kind}_limit {limit}")
        return self


class StepSettings(ContainerSettings):
    """Settings of the container of one step."""

    image: str | None = Field(default=None, min_length=1)
    """Container image of this step, in place of the common one."""


class KubeflowParameters(_Parameters):
    """Containers on Kubeflow Pipelines."""

    image: str = ""
    """Container image with this code and its environment. Without a tag, or with `latest`, no step is cached."""

    backend_version: str = Field(default="2.5", pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?$")
    """Oldest release of Kubeflow Pipelines that must run the compiled file, such as `2.5` or `2.16.1`. A setting that
    needs a newer one is refused."""

    pseudonym_secret: ObjectName = "readalike"
    """Kubernetes secret with the pseudonym key. Only steps that make pseudonyms get it."""

    pseudonym_secret_key: SecretKey = "pseudonym-key"
    """Key of the pseudonym key in that secret."""

    baseline_dir: str = ""
    """Default folder of the statistics of the last accepted reviews. Empty: no comparison. A run can override it."""

    defaults: ContainerSettings = ContainerSettings()
    """Settings of every step."""

    steps: dict[str, StepSettings] = Field(default_factory=dict)
    """Settings of single steps by name: `[kubeflow.steps.Trainer]` with the keys of the defaults, and `image`. A value
    replaces the default; variables, labels, secrets, volumes and tolerations are added to it."""

    def settings(self, step: str, *, needs_key: bool) -> StepSettings:
        """Returns the settings of `step` merged with the defaults.

        Args:
          step: name of the step.
          needs_key: whether the step gets the pseudonym key.

        Raises:
          ValueError: the settings of the step and the defaults contradict each other.
        """
        merged: dict[str, Any] = self.defaults.model_dump()
        for name, value in self.steps.get(step, StepSettings()).model_dump().items():
            if isinstance(value, dict):
                merged[name] = {**merged[name], **value}
            elif isinstance(value, tuple):
                merged[name] = (*merged[name], *(item for item in value if item not in merged[name]))
            elif value is not None:
                merged[name] = value
        if needs_key:
            key = {"secret": self.pseudonym_secret, "key": self.pseudonym_secret_key, "variable": KEY_VARIABLE}
            merged["secret_variables"] = (*merged["secret_variables"], key)
        return StepSettings(**merged)


def has_password(value: str) -> bool:
    """Returns True if `value` is an address with a password, such as `scheme://user:password@host`."""
    authority = value.partition("://")[2].partition("/")[0]
    return ":" in authority.rpartition("@")[0]
