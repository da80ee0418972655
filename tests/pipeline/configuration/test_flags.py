"""Flags whose values are lists or mappings."""

import pytest

from core.errors import ConfigurationError
from pipeline.configuration.config import read_config

SECRET = "s3cret-and-never-to-be-shown"


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--training.temperatures", "nan"),
        ("--training.temperatures", "0.1,nan"),
        ("--training.temperatures", "[0.1,"),
        ("--training.parts", "null,nan"),
        ("--kubeflow.defaults.environment", SECRET),
        ("--kubeflow.defaults.environment", f"{{{SECRET}"),
        ("--kubeflow.defaults.tolerations", "{"),
        ("--kubeflow.steps", "Trainer"),
        ("--kubeflow", SECRET),
    ],
)
def test_a_value_that_cannot_be_read_is_told_by_its_flag_and_not_shown(flag: str, value: str, joined: bool) -> None:
    words = [f"{flag}={value}"] if joined else [flag, value]
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--data", "x", "--verbose", *words, "--split.seed=1", "--no-accept-drift"])
    assert str(caught.value).startswith(f"{flag}: cannot be read. Write a list as ")
    assert SECRET not in str(caught.value)


def test_lists_and_mappings_are_read_as_they_are_written() -> None:
    config = read_config(
        [
            "--training.temperatures=0.1,0.2",
            "--kubeflow.defaults.environment",
            "A=b",
            '--training.parts=["closed_form"]',
        ]
    )
    assert config.training.temperatures == (0.1, 0.2)
    assert config.kubeflow.defaults.environment == {"A": "b"}
    assert config.training.parts == ("closed_form",)
