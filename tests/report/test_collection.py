"""Who stopped a run: the gate that refused, whichever step the run ended in."""

from pathlib import Path

import pytest

from components.artifacts.verdict import Check
from report.collection import Locations, collect
from report.description import RunDescription
from report.facts.run import RunFacts, Step
from report.page.files import write_report
from report.step_files import write_steps
from storage.json_files import write_json
from tests.report.html_page import HtmlPage
from transform import features

COVERAGE = Check("coverage", "12.0%", "at least 20.0%", passed=False)
SLOW = Check("milliseconds a request", "9.1", "at most 5", passed=False)
FINE = Check("Recall@20", "0.31", "above 0.2", passed=True)


def ended_in_pusher(folder: Path, quality: Check, serving: Check, outcome: str = "refused") -> RunFacts:
    """What is known of a run with these verdicts that Pusher did not let through."""
    steps = str(folder / "steps.json")
    states = {"RetrievalEvaluator": "done", "ServingValidator": "done", "Pusher": "failed", "RunReport": "not reached"}
    write_steps([Step(name=name, state=state) for name, state in states.items()], steps)
    for name, check in (("blessing", quality), ("infra_blessing", serving)):
        write_json([FINE._asdict(), check._asdict()], str(folder / name / features.CHECKS_FILE))
    write_json({"serving": {}}, str(folder / "infra_blessing" / features.MEASURED_FILE))
    return collect(
        RunDescription(pipeline="readalike", runner="local", run_id="1", configuration={}, steps_file=steps),
        Locations(blessing=str(folder / "blessing"), infra_blessing=str(folder / "infra_blessing")),
        outcome=outcome,
        failed_step="Pusher",
        error="The new model is not pushed",
    )


@pytest.mark.parametrize(
    ("quality", "serving", "gates", "reasons"),
    [
        (COVERAGE, FINE, ["RetrievalEvaluator"], ["coverage: 12.0% ; needed: at least 20.0%"]),
        (FINE, SLOW, ["ServingValidator"], ["milliseconds a request: 9.1 ; needed: at most 5"]),
        (
            COVERAGE,
            SLOW,
            ["RetrievalEvaluator", "ServingValidator"],
            ["coverage: 12.0% ; needed", "milliseconds a request: 9.1 ; needed"],
        ),
    ],
)
def test_a_refused_run_was_stopped_by_the_gate_and_not_by_pusher(
    quality: Check, serving: Check, gates: list[str], reasons: list[str], tmp_path: Path
) -> None:
    facts = ended_in_pusher(tmp_path, quality, serving)
    assert facts.failed_step == gates[0]
    assert [step.state for step in facts.steps] == ["done", "done", "stopped", "not reached"]
    text = HtmlPage(Path(write_report(facts, str(tmp_path))).read_text(encoding="utf-8")).text
    top = text[: text.index("What came in")]
    assert f"stopped by {gates[0]}." in top
    assert f"{gates[0]} stopped the run." in text
    assert [gate for gate in ("RetrievalEvaluator", "ServingValidator") if f"Refused by {gate}" in top] == gates
    for reason in reasons:
        assert reason in top
    assert "Pusher" not in top
    assert "failed" not in text


def test_a_run_that_fails_in_pusher_was_stopped_by_pusher(tmp_path: Path) -> None:
    facts = ended_in_pusher(tmp_path, FINE, FINE, outcome="failed")
    assert facts.failed_step == "Pusher"
    assert [step.state for step in facts.steps] == ["done", "done", "failed", "not reached"]
