"""What Kubeflow Pipelines is told of the containers: image, resources, environment, secrets, and where they run.

Settings of all steps stand in `[kubeflow.defaults]`, those of one step in `[kubeflow.steps.<step>]`.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.kubeflow.quantities import amount
from transform.pseudonyms import KEY_VARIABLE

# An error of this type must not show the value it is about.
CREDENTIAL_FAULT: Final = "credential"
CREDENTIAL_NAMES: Final = ("KEY", "SECRET", "PASSWORD", "PASSWD", "TOKEN")
# A variable that says where a credential is holds none.
PLACE_NAMES: Final = ("_FILE", "_PATH", "_DIR")

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|[kMGT]|[KMGT]i)?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[-._A-Za-z0-9]{1,253}$")]
MountPath = Annotated[str, StringConstraints(pattern=r"^/[^:]+$")]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SecretVariable(_Parameters):
    """A value of a Kubernetes secret that a container finds in an environment variable."""

    secret: ObjectName
    """The secret's name."""

    key: SecretKey
    """The key of the value in it."""

    variable: VariableName
    """The variable's name."""


class SecretFiles(_Parameters):
    """A Kubernetes secret that a container finds as files, one a key."""

    secret: ObjectName
    """The secret's name."""

    mount_path: MountPath
    """The folder of the files."""


class Volume(_Parameters):
    """A persistent volume claim that a container finds in a folder."""

    claim: ObjectName
    """The claim's name."""

    mount_path: MountPath
    """The folder."""

    sub_path: str = ""
    """The folder in the volume that is mounted; empty: its root."""


class Toleration(_Parameters):
    """A taint of nodes that a step may run on in spite of it."""

    key: str = ""
    """The taint's key; empty: any."""

    operator: Literal["Equal", "Exists"] = "Equal"
    """Whether the taint must have the value, or only be there."""

    value: str = ""
    """The taint's value."""

    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """The taint's effect; empty: any."""

    seconds: int | None = Field(default=None, ge=0)
    """How long the step stays on a node that gets a `NoExecute` taint; unset: for ever."""


class ContainerSettings(_Parameters):
    """Settings of the containers of all steps."""

    cpu_request: Quantity | None = None
    """CPUs that the step is given at least, as in `2` or `500m`."""

    cpu_limit: Quantity | None = None
    """CPUs that the step may use at the most."""

    memory_request: Quantity | None = None
    """Memory that the step is given at least, as in `4Gi`."""

    memory_limit: Quantity | None = None
    """Memory that the step may use at the most; it is killed beyond."""

    accelerator: str | None = Field(default=None, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")
    """Kind of accelerator by its Kubernetes resource name, as in `nvidia.com/gpu`."""

    accelerator_count: int | None = Field(default=None, ge=1)
    """How many of them; unset: one, where there is a kind."""

    retries: int | None = Field(default=None, ge=0, le=20)
    """How often the step is started anew when it fails; unset: never. A gate that refuses is tried again too."""

    retry_seconds: int | None = Field(default=None, ge=0)
    """Seconds before the first new attempt; unset: 60."""

    retry_factor: int | None = Field(default=None, ge=1)
    """How much longer each further wait is than the one before: a whole number, as Argo reads no other; unset: 2."""

    retry_max_seconds: int | None = Field(default=None, ge=1)
    """Seconds from the first start to when no attempt begins any more, and a retry that is running is ended; unset: a
    week. It has to be longer than all attempts and waits may take."""

    environment: dict[VariableName, str] = Field(default_factory=dict)
    """Environment variables. Credentials belong into `secret_variables`."""

    secret_variables: tuple[SecretVariable, ...] = ()
    """Environment variables from Kubernetes secrets: `secret`, `key`, `variable`."""

    secret_files: tuple[SecretFiles, ...] = ()
    """Kubernetes secrets as files: `secret`, `mount_path`."""

    volumes: tuple[Volume, ...] = ()
    """Persistent volume claims: `claim`, `mount_path`, `sub_path`."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that the node must have."""

    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that do not matter: `key`, `operator`, `value`, `effect`, `seconds`."""

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
    """Another image than the other steps'."""


class KubeflowParameters(_Parameters):
    """The pipeline's containers on Kubeflow Pipelines."""

    image: str = ""
    """The container image with this code and its environment. Only a tag that never moves lets steps be cached."""

    backend_version: str = Field(default="2.5", pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?$")
    """The oldest release of Kubeflow Pipelines that is to run the compiled file, as in `2.5` or `2.16.1`. A setting
    that needs a newer one is refused."""

    pseudonym_secret: ObjectName = "readalike"
    """The Kubernetes secret in which the key of the users' pseudonyms is. Only steps that make pseudonyms get it."""

    pseudonym_secret_key: SecretKey = "pseudonym-key"
    """The key of that value in the secret."""

    baseline_dir: str = ""
    """Where the statistics of the last accepted reviews are kept, unless a run says otherwise; empty: no comparison."""

    defaults: ContainerSettings = ContainerSettings()
    """Settings of every step."""

    steps: dict[str, StepSettings] = Field(default_factory=dict)
    """Settings of single steps, by name: `[kubeflow.steps.Trainer]` with the keys of the defaults, and `image`. A value
    replaces the default; variables, labels, secrets, volumes and tolerations come on top."""

    def settings(self, step: str, *, needs_key: bool) -> StepSettings:
        """Returns all settings of `step`.

        Args:
          step: its name.
          needs_key: whether it gets the key of the pseudonyms.

        Raises:
          ValueError: those of the step and the defaults do not agree.
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
    """Returns whether `value` is an address with a password, as in `scheme://user:password@host`."""
    authority = value.partition("://")[2].partition("/")[0]
    return ":" in authority.rpartition("@")[0]
