from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import ConfigurationError
from core.pseudonyms import KEY_VARIABLE
from pipeline.configuration.config import read_config
from pipeline.configuration.kubeflow import KubeflowParameters, SecretVariable, StepSettings
from pipeline.configuration.quantities import amount

TOML = """
[kubeflow]
image = "registry.example/readalike:1"

[kubeflow.defaults]
memory_limit = "4Gi"
retries = 2
environment = { AWS_REGION = "eu-west-1", LEVEL = "1" }
secret_variables = [{ secret = "store", key = "id", variable = "AWS_ACCESS_KEY_ID" }]

[kubeflow.steps.Trainer]
memory_limit = "16Gi"
retries = 0
accelerator = "nvidia.com/gpu"
environment = { LEVEL = "2" }
tolerations = [{ key = "gpu", operator = "Exists" }]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    return path


def test_a_step_has_the_defaults_and_its_own(file: Path) -> None:
    kubeflow = read_config(["--config", str(file)]).kubeflow
    trainer, other = (kubeflow.settings(step, needs_key=False) for step in ("Trainer", "Transform"))
    assert kubeflow.image == "registry.example/readalike:1"
    assert (trainer.memory_limit, trainer.retries, trainer.accelerator) == ("16Gi", 0, "nvidia.com/gpu")
    assert (other.memory_limit, other.retries, other.accelerator) == ("4Gi", 2, None)
    assert trainer.environment == {"AWS_REGION": "eu-west-1", "LEVEL": "2"}
    assert other.environment == {"AWS_REGION": "eu-west-1", "LEVEL": "1"}
    assert trainer.secret_variables == other.secret_variables != ()
    assert [toleration.key for toleration in trainer.tolerations] == ["gpu"]


def test_lists_come_on_top_and_none_twice() -> None:
    shared, own = (SecretVariable(secret="s", key=key, variable=key) for key in ("a", "b"))
    kubeflow = KubeflowParameters(
        defaults=StepSettings(secret_variables=(shared,)), steps={"X": StepSettings(secret_variables=(own, shared))}
    )
    assert kubeflow.settings("X", needs_key=False).secret_variables == (shared, own)


def test_only_who_needs_it_gets_the_key() -> None:
    kubeflow = KubeflowParameters(pseudonym_secret="vault", pseudonym_secret_key="k")
    [variable] = kubeflow.settings("X", needs_key=True).secret_variables
    assert (variable.secret, variable.key, variable.variable) == ("vault", "k", KEY_VARIABLE)
    assert kubeflow.settings("X", needs_key=False) == StepSettings()


@pytest.mark.parametrize(
    "flag", ["--kubeflow.defaults.retry-factor=1.5", '--kubeflow.steps={"X": {"retry_factor": 1.5}}']
)
def test_a_fraction_is_no_factor_of_waits(flag: str) -> None:
    """Argo reads it by a function for whole numbers: the first retry would end in its error."""
    with pytest.raises(ConfigurationError, match=r"retry.factor.*1\.5.*valid integer"):
        read_config([flag])


def test_flags_win_over_the_file(file: Path) -> None:
    flags = ["--kubeflow.defaults.memory-limit=5Gi", '--kubeflow.steps={"Pusher": {"retries": 3}}']
    kubeflow = read_config(["--config", str(file), *flags]).kubeflow
    assert kubeflow.defaults.memory_limit == "5Gi"
    assert kubeflow.defaults.retries == 2
    assert kubeflow.steps["Pusher"].retries == 3
    assert kubeflow.steps["Trainer"].memory_limit == "16Gi"


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "READALIKE_PSEUDONYM_KEY", "db_password", "TOKEN", "client_secret_2"]
)
def test_a_credential_is_no_environment_variable_and_is_not_repeated(name: str, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f'[kubeflow.defaults]\nenvironment = {{ {name} = "unmistakable" }}\n')
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--config", str(file)])
    assert f"{name} looks like a credential" in str(caught.value)
    assert "secret_variables" in str(caught.value)
    assert "unmistakable" not in str(caught.value)


def test_an_address_with_a_password_is_a_credential_too() -> None:
    with pytest.raises(ValidationError, match="PROXY looks like a credential"):
        StepSettings(environment={"PROXY": "http://user:hunter2@proxy:3128"})
    assert StepSettings(environment={"PROXY": "http://user@proxy:3128", "ENDPOINT": "http://minio:9000/a@b:c"})


def test_where_a_credential_is_may_be_told() -> None:
    names = ("READALIKE_PSEUDONYM_KEY_FILE", "TOKEN_PATH", "SECRETS_DIR")
    assert StepSettings(environment=dict.fromkeys(names, "/secrets/x"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpu_limit", "two"),
        ("memory_limit", "4 GB"),
        ("memory_limit", "4gi"),
        ("accelerator", "gpu"),
        ("accelerator_count", 0),
        ("retries", -1),
        ("environment", {"1X": "y"}),
        ("volumes", [{"claim": "c", "mount_path": "relative"}]),
        ("secret_files", [{"secret": "Upper_Case", "mount_path": "/x"}]),
        ("tolerations", [{"effect": "Sometimes"}]),
        ("memroy_limit", "4Gi"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_here(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        StepSettings.model_validate({field: value})


def test_what_cannot_be_together_is_refused() -> None:
    with pytest.raises(ValidationError, match="cpu_request 2 is above cpu_limit 1500m"):
        StepSettings(cpu_request="2", cpu_limit="1500m")
    with pytest.raises(ValidationError, match="accelerator_count needs an accelerator"):
        StepSettings(accelerator_count=2)


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("500m", 0.5),
        ("1k", 1e3),
        ("1Ki", 1024),
        ("4Gi", 2**32),
        ("4G", 4e9),
        ("1.5Ti", 1.5 * 2**40),
    ],
)
def test_amounts_are_kubernetes(quantity: str, number: float) -> None:
    assert amount(quantity) == pytest.approx(number)
