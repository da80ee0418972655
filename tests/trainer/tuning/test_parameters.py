from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigurationError
from pipeline.configuration.config import read_config
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.parameters import DEFAULT_AXES, Axis, SearchSpace, TuningParameters


def test_all_faults_of_a_search_space_are_told_at_once_by_field(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        "[tuning]\ntrials = -1\n[tuning.space.learning_rate]\nlow = 0.0\nhigh = 2.0\n"
        "[tuning.space.parts]\nchoices = [['regression'], ['trained', 'magic']]\n"
        "[tuning.space.keep_share]\nlow = 0.7\nhigh = 0.3\n[tuning.space.top_k]\nlow = 1\nhigh = 2\n"
        "[tuning.space.batch_users]\nlow = 2.5\nhigh = 8\n[tuning.space.temperatures]\nlow = 0.1\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--data=x", "--config", str(file), "--tuning.study-dir=s3://bucket/study"])
    told = str(caught.value)
    assert "8 fault(s)" in told
    for place, fault in (
        ("tuning.trials = -1", "greater than or equal to 0"),
        ("tuning.space.learning_rate", "0.0: Input should be greater than 0; 2.0: Input should be less than or equal"),
        ("tuning.space.parts", "name trained, closed_form or both"),
        ("tuning.space.keep_share", "low 0.7 must be below high 0.3"),
        ("tuning.space.top_k", "there is no such field"),
        ("tuning.space.batch_users", "2.5: Input should be a valid integer"),
        ("tuning.space.temperatures", "give low and high, or choices"),
    ):
        [line] = [line for line in told.splitlines() if f"{file}: {place}" in line]
        assert fault in line
    assert "--tuning.study-dir = 's3://bucket/study'" in told


@pytest.mark.parametrize(
    "axis",
    [
        {},
        {"high": 1},
        {"low": 1, "high": 1},
        {"low": 0, "high": 1, "log": True},
        {"low": 1, "high": 2, "choices": (1,)},
    ],
)
def test_an_axis_is_a_range_or_choices(axis: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"low|choices"):
        Axis(**axis)


def test_what_is_named_is_searched_and_nothing_else() -> None:
    assert SearchSpace().axes == DEFAULT_AXES
    named = read_config(["--data=x", "--tuning.space.learning-rate.low=0.001", "--tuning.space.learning-rate.high=0.1"])
    assert named.tuning.space.axes == {"learning_rate": Axis(low=0.001, high=0.1)}


def test_the_default_axes_hold_what_the_model_takes_and_the_configured_parts() -> None:
    assert SearchSpace(**DEFAULT_AXES).axes == DEFAULT_AXES
    assert Hyperparameters().parts in DEFAULT_AXES["parts"].choices


def test_parameters_survive_the_way_through_an_execution_property() -> None:
    given = TuningParameters(trials=3, space=SearchSpace(parts=Axis(choices=(("closed_form",), ("trained",)))))
    back = TuningParameters.model_validate_json(given.model_dump_json())
    assert back.model_dump(mode="json") == given.model_dump(mode="json")
