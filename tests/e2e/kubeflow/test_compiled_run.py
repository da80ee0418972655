"""The compiled pipeline, with artifacts in `minio://`, beside the local runner's run on the same reviews."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from registry.push_folder import newest_version
from registry.release_notes import pseudonym_key_id
from serving.pushed_model import PushedModel
from tests.e2e.killed_runs import Restarted
from tests.e2e.kubeflow.comparisons import check_same
from tests.e2e.kubeflow.runs import NEVER_CACHED, STORE_PASSWORD, Kubeflow, secrets_in
from tests.e2e.runs import HEADER, REVIEWS, SAMPLE, Run, Runner
from tests.kubeflow.backend.cluster import PIPELINE_ROOT, RunResult
from tests.kubeflow.backend.driver import Installation
from transform import features

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


FEW_EPOCHS = {"training": {"max_epochs": 1}}


class Reviews(NamedTuple):
    """What both runners run on."""

    file: Path
    local: Run
    fields: dict[str, Any]
    """Of the configuration, as in the local run."""


@pytest.fixture(scope="module", params=["small", pytest.param("sample", marks=pytest.mark.exhaustive)])
def reviews(request: pytest.FixtureRequest, restarted_run: Restarted) -> Reviews:
    """Reviews, and the local runner's run on them: a few, or the bundled sample with default settings."""
    if request.param == "sample":
        return Reviews(SAMPLE, request.getfixturevalue("sample_run"), {})
    return Reviews(restarted_run.reviews, restarted_run.completed, FEW_EPOCHS)


@pytest.fixture(scope="module")
def local(reviews: Reviews) -> Run:
    assert reviews.local.exit_code == 0, reviews.local.output + reviews.local.errors
    return reviews.local


@pytest.fixture(scope="module")
def key(local: Run) -> str:
    return (local.work_dir / "pseudonym.key").read_text().strip()


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory: pytest.TempPathFactory, key: str) -> Kubeflow:
    return Kubeflow(tmp_path_factory.mktemp("kubeflow"), key)


@pytest.fixture(scope="module")
def data(kubeflow: Kubeflow, reviews: Reviews) -> Path:
    path = kubeflow.folder / "volume" / "in" / "reviews.csv.gz"
    path.parent.mkdir(parents=True)
    return Path(shutil.copy(reviews.file, path))


@pytest.fixture(scope="module")
def first(kubeflow: Kubeflow, data: Path, reviews: Reviews) -> RunResult:
    return kubeflow.run(data, **reviews.fields)


@pytest.fixture(scope="module")
def refused(kubeflow: Kubeflow, data: Path, reviews: Reviews, first: RunResult) -> RunResult:
    """A run on unchanged data, with the first one's model in the push folder, that asks for too much."""
    return kubeflow.run(data, evaluation={"min_coverage": 0.999999}, **reviews.fields)


def test_every_step_is_run_and_one_version_is_pushed(first: RunResult, kubeflow: Kubeflow) -> None:
    assert first.failed is None, first.log(first.failed or "")[-5000:]
    assert set(first.states()) == {"COMPLETE"}
    [version] = kubeflow.push_dir.iterdir()
    assert (version / "saved_model.pb").is_file()
    assert version.name.isdigit()


def test_the_log_of_each_step_is_in_the_object_store(first: RunResult) -> None:
    for step in first.steps:
        assert first.artifact(step, "executor-logs").read_text(errors="replace") == first.log(step)


@pytest.mark.exhaustive
def test_every_step_is_run_by_an_old_release_that_publishes_no_logs(
    tmp_path: Path, key: str, data: Path, reviews: Reviews, local: Run
) -> None:
    old = Kubeflow(tmp_path, key, installation=Installation((2, 5), publish_logs=False))
    done = old.run(data, **reviews.fields)
    assert set(done.states()) == {"COMPLETE"}
    assert not list(old.cluster.folder.rglob("executor-logs"))
    check_same(done, old.push_dir, local)


def test_counts_vocabularies_and_recommendations_are_those_of_the_local_run(
    first: RunResult, kubeflow: Kubeflow, local: Run
) -> None:
    check_same(first, kubeflow.push_dir, local)


def test_metadata_shows_metrics_blessing_and_pushed_version(first: RunResult, kubeflow: Kubeflow, local: Run) -> None:
    metrics = json.loads(local.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())["model"]
    shown = first.properties("RetrievalEvaluator", "evaluation")
    for name in ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "mrr_at_20"):
        assert shown[name] == pytest.approx(metrics[name]["value"], abs=1e-6)  # SQLite's ML Metadata keeps six digits.
    assert first.properties("RetrievalEvaluator", "blessing")["blessed"] == 1
    assert first.properties("ServingValidator", "blessing")["blessed"] == 1
    pushed = first.properties("Pusher", "pushed_model")
    [version] = kubeflow.push_dir.iterdir()
    assert pseudonym_key_id(str(version)) == PushedModel(newest_version(local.push_dir)).facts["pseudonym_key_id"]
    card = json.loads((version / features.MODEL_CARD_FILE).read_text())
    assert card["model_details"]["pseudonym_key_id"] == pseudonym_key_id(str(version))
    assert (pushed["pushed"], pushed["pushed_version"]) == (1, version.name)
    assert pushed["pushed_destination"] == str(version)


def test_artifacts_are_in_the_object_store_and_no_metadata_names_a_pods_folder(
    first: RunResult, kubeflow: Kubeflow
) -> None:
    for step, outputs in {"RatingsExampleGen": ["examples"], "Trainer": ["model", "model_run"]}.items():
        for output in outputs:
            assert first.properties(step, output)["uri"].startswith(f"{PIPELINE_ROOT}/readalike/{first.run_id}/{step}/")
            assert any(first.artifact(step, output).rglob("*"))
    assert b"/pods/" not in (kubeflow.cluster.folder / "metadata.sqlite").read_bytes()


def test_an_unchanged_file_is_answered_from_the_cache(refused: RunResult) -> None:
    cached = {name for name, step in refused.steps.items() if step.state == "CACHED"}
    assert cached == set(refused.steps) - NEVER_CACHED


def test_the_second_run_compares_with_the_first_ones_model_and_refuses_for_the_stated_reason(
    refused: RunResult, kubeflow: Kubeflow
) -> None:
    [before] = kubeflow.push_dir.iterdir()
    assert (refused.failed, refused.exit_code) == ("Pusher", 3)
    table = (refused.artifact("RetrievalEvaluator", "blessing") / features.REFUSAL_FILE).read_text()
    assert refused.message() == f"The new model is not pushed; what was served before stays:\n{table}\n"
    assert "Traceback" not in refused.log("Pusher")
    [line] = [line for line in table.splitlines() if "Recall@20 against the served model" in line]
    assert line.startswith("  ok ")
    assert line.endswith("difference +0.0000 to +0.0000")
    assert [line for line in table.splitlines() if "REFUSED" in line and "coverage" not in line] == []
    assert "needed: at least 100.0% (--evaluation.min-coverage)" in table
    assert refused.properties("RetrievalEvaluator", "blessing")["blessed"] == 0
    assert (before / "saved_model.pb").is_file()


def test_a_changed_file_at_the_same_path_is_read_anew_and_bad_data_ends_the_run_as_the_local_runner_does(
    kubeflow: Kubeflow, data: Path, reviews: Reviews, refused: RunResult, run: Runner
) -> None:
    data.write_bytes(gzip.compress((HEADER + REVIEWS + "9,u,Book 1,five,\n").encode()))
    done = kubeflow.run(data, **reviews.fields)
    assert done.states("Contract", "RatingsExampleGen") == ["CACHED", "FAILED"]
    assert set(done.states()) == {"CACHED", "COMPLETE", "FAILED", "OMITTED"}
    assert done.steps["Pusher"].state == "OMITTED"
    here = run(data)
    assert done.exit_code == here.exit_code == 2
    assert f"error: {done.message()}" == here.errors
    assert "Traceback" not in done.log("RatingsExampleGen")


def test_no_credential_and_no_key_is_left_anywhere(kubeflow: Kubeflow, refused: RunResult, key: str) -> None:
    kinds = {path.suffix for path in kubeflow.folder.rglob("*") if path.is_file()}
    assert kinds > {".yaml", ".log", ".sqlite", ".parquet", ".json"}
    assert secrets_in(kubeflow.folder, key, STORE_PASSWORD) == []
