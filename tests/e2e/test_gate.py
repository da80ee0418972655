"""A model that the gate refuses is not pushed: the run says why and what was served stays."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape

from components.report.files import PAGE_FILE, read_facts
from components.retrieval_evaluator import METRICS_FILE, read_holdout
from tests.e2e.runs import SAMPLE, Run, Runner
from transform import features

pytestmark = pytest.mark.e2e

FAST = "--training.max-epochs=2"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_nothing_was_pushed(refused: Run, before: dict[str, bytes]) -> str:
    """Returns the table of what was checked."""
    assert refused.exit_code == 3, refused.output + refused.errors
    assert refused.errors.startswith("error: The new model is not pushed; what was served before stays:\n")
    assert "Traceback" not in refused.output + refused.errors
    assert contents(refused.push_dir) == before
    table = refused.artifact(f"RetrievalEvaluator/blessing/*/{features.REFUSAL_FILE}").read_text()
    assert refused.errors.split("\n", 1)[1].rstrip() == table.rstrip()
    assert refused.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "NOT_BLESSED"
    assert_the_report_says_why(refused, table)
    return table


def assert_the_report_says_why(refused: Run, table: str) -> None:
    facts = read_facts(str(refused.report))
    assert (facts.outcome, facts.failed_step, facts.pushed) == ("refused", "RetrievalEvaluator", None)
    assert facts.error == refused.errors.removeprefix("error: ").removesuffix("\n")
    [quality, serving] = facts.gates
    assert (quality.step, quality.passed) == ("RetrievalEvaluator", False)
    assert (serving.step, serving.passed) == ("ServingValidator", True)
    assert [check.what for check in quality.checks if not check.passed] == re.findall(
        r"^  REFUSED +(.*?)  ", table, re.M
    )
    assert [step.name for step in facts.steps if step.state != "done"] == ["Pusher", "RunReport"]
    assert [step.state for step in facts.steps][-2:] == ["stopped", "not reached"]
    page = (refused.report / PAGE_FILE).read_text(encoding="utf-8")
    assert "stopped by RetrievalEvaluator" in page
    for check in quality.checks:
        assert escape(check.what) in page


def test_what_the_gate_refuses_is_not_pushed(run: Runner) -> None:
    first = run(SAMPLE, FAST)
    assert first.exit_code == 0, first.output + first.errors
    assert first.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "BLESSED"
    assert "the served model" not in first.output
    before = contents(run.push_dir)
    [twin] = run.push_dir.glob(f"*/{features.TWIN_FILE}")

    table = assert_nothing_was_pushed(run(SAMPLE, FAST, "--evaluation.min-coverage", "0.999999"), before)
    assert re.findall(r"^  REFUSED +(.*?)  ", table, re.MULTILINE) == ["coverage of the recommendations"]
    assert "needed: at least 100.0% (--evaluation.min-coverage)" in table
    assert re.search(r"^  ok +Recall@20 against the served model .* difference \+0\.0000 to \+0\.0000$", table, re.M)

    slow = run(SAMPLE, FAST, "--serving.max-p50-ms", "0.001")
    assert slow.exit_code == 3
    assert "REFUSED  milliseconds a request, median" in slow.errors
    assert "needed: at most 0.001 (--serving.max-p50-ms)" in slow.errors
    assert contents(run.push_dir) == before
    assert read_facts(str(slow.report)).failed_step == "ServingValidator"

    twin.write_bytes(twin.read_bytes()[:1000])
    before = contents(run.push_dir)
    table = assert_nothing_was_pushed(run(SAMPLE, FAST), before)
    assert re.findall(r"^  REFUSED +(.*?)  ", table, re.MULTILINE) == ["Recall@20 against the served model"]
    assert f"{twin}: cannot be read" in table
    assert "--evaluation.unusable-served replace" in table

    replaced = run(SAMPLE, FAST, "--evaluation.unusable-served", "replace")
    assert replaced.exit_code == 0, replaced.output + replaced.errors
    assert f"{twin}: cannot be read" in replaced.output
    after = contents(run.push_dir)
    assert before.items() < after.items()
    assert len(list(run.push_dir.iterdir())) == 2


def test_the_gate_judges_by_what_the_run_held_out(sample_run: Run) -> None:
    holdout = read_holdout(
        str(sample_run.artifact("InteractionSplitter/examples/*")),
        str(sample_run.artifact("Transform/transformed_examples/*")),
        str(sample_run.artifact("Transform/transform_graph/*")),
    )
    said = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(r"(\S.*?) {2,}([\d,]+)$", sample_run.output, re.M)
    }
    assert len(holdout.users) == said["kept users"]
    assert len(holdout.books) == len(np.unique(holdout.train.books)) <= said["kept books"]
    assert len(holdout.train) == said["train interactions"]
    assert len(holdout.heldout) + holdout.heldout.left_out == said["held-out interactions"]
    assert holdout.heldout.left_out < 20  # The only readers of a book are in the hold-out.
    assert holdout.books.counts.tolist() == np.bincount(holdout.train.books, minlength=len(holdout.books)).tolist()
    pairs = [
        set(zip(some.users.tolist(), some.books.tolist(), strict=True)) for some in (holdout.train, holdout.heldout)
    ]
    assert not pairs[0] & pairs[1]
    assert (holdout.genres.matrix.sum(axis=1) > 0).mean() > 0.9
    metrics = json.loads(sample_run.artifact(f"RetrievalEvaluator/evaluation/*/{METRICS_FILE}").read_text())
    assert metrics["heldout_interactions"] == len(holdout.heldout)
    assert metrics["holdout_users"] == len(np.unique(holdout.heldout.users)) <= said["hold-out users"]
