"""A model that the gate refuses is not pushed: the run says why and what was served stays."""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape
from tfx import v1 as tfx

from components.evaluation.evaluation_parameters import EvaluationParameters
from components.evaluation.retrieval_evaluator import METRICS_FILE, RetrievalEvaluator, read_holdout
from components.serving.atomic_pusher import AtomicPusher
from core.errors import GateError
from core.progress import LOGGER_NAME
from report.page.files import PAGE_FILE, read_facts
from tests.e2e.marked_runs import MarkedRuns
from tests.e2e.runs import SAMPLE, Run, Runner
from transform import features

pytestmark = pytest.mark.e2e

FAST = "--training.max-epochs=2"
NOT_PUSHED = "The new model is not pushed; what was served before stays:\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told_of_refusal(refused: Run) -> str:
    """Returns the table of what RetrievalEvaluator checked, which the run told, and its report too."""
    assert refused.exit_code == 3, refused.output + refused.errors
    assert refused.errors.startswith(f"error: {NOT_PUSHED}")
    assert "Traceback" not in refused.output + refused.errors
    table = refused.artifact(f"RetrievalEvaluator/blessing/*/{features.REFUSAL_FILE}").read_text()
    assert refused.errors.removeprefix(f"error: {NOT_PUSHED}").startswith(f"{table}\n")
    assert refused.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "NOT_BLESSED"
    assert_the_report_says_why(refused, table)
    return table


def assert_the_report_says_why(refused: Run, table: str) -> None:
    facts = read_facts(str(refused.report))
    assert (facts.outcome, facts.failed_step, facts.pushed) == ("refused", "RetrievalEvaluator", None)
    assert facts.error == refused.errors.removeprefix("error: ").removesuffix("\n")
    [quality, serving] = facts.gates
    assert (quality.step, quality.passed) == ("RetrievalEvaluator", False)
    assert (serving.step, serving.passed) == ("ServingValidator", "milliseconds" not in refused.errors)
    assert [check.what for check in quality.checks if not check.passed] == re.findall(
        r"^  REFUSED +(.*?)  ", table, re.M
    )
    assert [step.name for step in facts.steps if step.state != "done"] == ["Pusher", "RunReport"]
    assert [step.state for step in facts.steps][-2:] == ["stopped", "not reached"]
    page = (refused.report / PAGE_FILE).read_text(encoding="utf-8")
    assert "stopped by RetrievalEvaluator" in page
    for check in quality.checks:
        assert escape(check.what) in page


def assert_it_does_not_cover_enough(table: str) -> None:
    assert re.findall(r"^  REFUSED +(.*?)  ", table, re.MULTILINE) == ["coverage of the recommendations"]
    assert "needed: at least 100.0% (--evaluation.min-coverage)" in table


def assert_it_does_not_cover_enough_but_is_as_good_as_the_served_model(table: str) -> None:
    assert_it_does_not_cover_enough(table)
    assert re.search(r"^  ok +Recall@20 against the served model .* difference \+0\.0000 to \+0\.0000$", table, re.M)


def assert_it_is_served_too_slowly(refused: Run) -> None:
    assert refused.exit_code == 3, refused.output + refused.errors
    assert "REFUSED  milliseconds a request, median" in refused.errors
    assert "needed: at most 0.001 (--serving.max-p50-ms)" in refused.errors


def test_a_first_model_is_compared_with_none(marked_runs: MarkedRuns) -> None:
    first = marked_runs.first.run
    assert first.exit_code == 0, first.output + first.errors
    assert first.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "BLESSED"
    assert "the served model" not in first.output


def test_the_next_one_is_compared_and_not_pushed_where_it_covers_too_little_too_slowly(
    marked_runs: MarkedRuns,
) -> None:
    refused = marked_runs.refused
    table = told_of_refusal(refused.run)
    assert re.search(r"^  ok +Recall@20 against the served model ", table, re.M)
    assert_it_does_not_cover_enough(table)
    assert_it_is_served_too_slowly(refused.run)
    assert refused.pushed == marked_runs.first.pushed


@pytest.mark.exhaustive
def test_the_next_one_is_compared_and_pushed_where_it_is_good_enough(marked_runs: MarkedRuns) -> None:
    again = marked_runs.again.run
    assert again.exit_code == 0, again.output + again.errors
    assert again.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "BLESSED"
    assert "the served model" in again.output


@pytest.mark.exhaustive
def test_the_sample_again_is_as_good_as_the_served_model_and_not_pushed_where_it_covers_too_little(
    sample_run: Run, same_key_run: Run
) -> None:
    table = told_of_refusal(same_key_run)
    assert same_key_run.errors.rstrip() == f"error: {NOT_PUSHED}{table}".rstrip()
    assert_it_does_not_cover_enough_but_is_as_good_as_the_served_model(table)
    assert contents(same_key_run.push_dir) == contents(sample_run.push_dir)


def artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    return made


class Judged:
    """What RetrievalEvaluator and Pusher make of a run's model, beside what is in another push folder."""

    def __init__(self, run: Run, push_dir: Path, folder: Path):
        self._run, self._push_dir, self._folder = run, push_dir, folder
        self._kinds = tfx.types.standard_artifacts
        self._model = artifact(self._kinds.Model, run.artifact("Trainer/model/*"))

    def blessing(self, parameters: EvaluationParameters) -> Any:
        blessing = artifact(self._kinds.ModelBlessing, self._folder / "blessing")
        found = artifact(self._kinds.ModelEvaluation, self._folder / "evaluation")
        inputs = {
            "examples": artifact(self._kinds.Examples, self._run.artifact("InteractionSplitter/examples/*")),
            "transformed_examples": artifact(
                self._kinds.Examples, self._run.artifact("Transform/transformed_examples/*")
            ),
            "transform_graph": artifact(self._kinds.TransformGraph, self._run.artifact("Transform/transform_graph/*")),
            "model": self._model,
        }
        RetrievalEvaluator.EXECUTOR_SPEC.executor_class().Do(
            {name: [one] for name, one in inputs.items()},
            {"blessing": [blessing], "evaluation": [found]},
            {"push_dir": str(self._push_dir), "parameters": parameters.model_dump_json()},
        )
        return blessing

    def push(self, blessing: Any) -> None:
        served_well = artifact(self._kinds.InfraBlessing, self._run.artifact("ServingValidator/blessing/*"))
        served_well.set_int_custom_property("blessed", 1)
        inputs = {
            "model": self._model,
            "model_blessing": blessing,
            "infra_blessing": served_well,
            "card": artifact(self._kinds.ModelEvaluation, self._run.artifact("ModelCard/card/*")),
        }
        AtomicPusher.EXECUTOR_SPEC.executor_class().Do(
            {name: [one] for name, one in inputs.items()},
            {"pushed_model": [artifact(self._kinds.PushedModel, self._folder / "pushed_model")]},
            {"push_dir": str(self._push_dir), "keep_versions": 0},
        )


def test_a_served_model_whose_twin_is_damaged_stays_unless_it_may_be_replaced(
    sample_run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    push_dir = tmp_path / "push"
    shutil.copytree(sample_run.push_dir, push_dir)
    [holdout_model] = push_dir.glob(f"*/{features.HOLDOUT_MODEL_FILE}")
    holdout_model.write_bytes(holdout_model.read_bytes()[:1000])
    before = contents(push_dir)
    refusing, replacing = (Judged(sample_run, push_dir, tmp_path / name) for name in ("refusing", "replacing"))

    blessing = refusing.blessing(EvaluationParameters())
    table = (Path(blessing.uri) / features.REFUSAL_FILE).read_text()
    assert re.findall(r"^  REFUSED +(.*?)  ", table, re.MULTILINE) == ["Recall@20 against the served model"]
    assert f"{holdout_model}: cannot be read" in table
    assert "--evaluation.unusable-served replace" in table
    assert (Path(blessing.uri) / "NOT_BLESSED").exists()
    with pytest.raises(GateError) as caught:
        refusing.push(blessing)
    assert str(caught.value) == NOT_PUSHED + table
    assert contents(push_dir) == before

    caplog.set_level(logging.INFO, logger=LOGGER_NAME)
    blessing = replacing.blessing(EvaluationParameters(unusable_served="replace"))
    assert f"{holdout_model}: cannot be read" in caplog.text
    replacing.push(blessing)
    after = contents(push_dir)
    assert before.items() < after.items()
    assert len(list(push_dir.iterdir())) == 2


@pytest.mark.exhaustive
def test_what_the_gate_refuses_is_not_pushed(run: Runner) -> None:
    """The same, run by run on the sample."""
    first = run(SAMPLE, FAST)
    assert first.exit_code == 0, first.output + first.errors
    assert first.artifact("RetrievalEvaluator/blessing/*/*BLESSED").name == "BLESSED"
    assert "the served model" not in first.output
    before = contents(run.push_dir)
    [holdout_model] = run.push_dir.glob(f"*/{features.HOLDOUT_MODEL_FILE}")

    table = told_of_refusal(run(SAMPLE, FAST, "--evaluation.min-coverage", "0.999999"))
    assert_it_does_not_cover_enough_but_is_as_good_as_the_served_model(table)
    assert contents(run.push_dir) == before

    slow = run(SAMPLE, FAST, "--serving.max-p50-ms", "0.001")
    assert_it_is_served_too_slowly(slow)
    assert read_facts(str(slow.report)).failed_step == "ServingValidator"
    assert contents(run.push_dir) == before

    holdout_model.write_bytes(holdout_model.read_bytes()[:1000])
    before = contents(run.push_dir)
    table = told_of_refusal(run(SAMPLE, FAST))
    assert contents(run.push_dir) == before
    assert re.findall(r"^  REFUSED +(.*?)  ", table, re.MULTILINE) == ["Recall@20 against the served model"]
    assert f"{holdout_model}: cannot be read" in table
    assert "--evaluation.unusable-served replace" in table

    replaced = run(SAMPLE, FAST, "--evaluation.unusable-served", "replace")
    assert replaced.exit_code == 0, replaced.output + replaced.errors
    assert f"{holdout_model}: cannot be read" in replaced.output
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
