import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from report.facts.figures import Figure
from report.facts.run import RunFacts, Step
from report.step_files import read_steps, write_steps
from tests.report.run_facts import EXAMPLE


def test_facts_come_back_from_json_as_they_were() -> None:
    facts = RunFacts.model_validate_json(EXAMPLE.read_text(encoding="utf-8"))
    assert RunFacts.model_validate_json(facts.model_dump_json()) == facts


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_a_figure_that_is_no_finite_number_comes_back_too(value: float) -> None:
    assert Figure.model_validate_json(Figure(value=value).model_dump_json()).value == value
    assert math.isnan(Figure.model_validate_json(Figure(value=math.nan).model_dump_json()).value)


def test_a_fact_that_is_not_known_is_refused_and_none_can_be_changed() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        Figure.model_validate({"value": 1.0, "surprise": 2.0})
    with pytest.raises(ValidationError, match="frozen"):
        Figure(value=1.0).value = 2.0  # type: ignore[misc]


def test_steps_come_back_from_their_file(tmp_path: Path) -> None:
    steps = (
        Step(name="Trainer", state="failed", seconds=1.5, peak_memory_mib=700.25),
        Step(name="Pusher", state="not reached"),
    )
    file = str(tmp_path / "runs" / "1" / "steps.json")
    assert read_steps(file) == ()
    write_steps(steps, file)
    assert read_steps(file) == steps
