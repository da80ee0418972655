"""The compiled pipeline on the bundled sample, with artifacts in `minio://`, beside the local runner's run on it."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.kubeflow.comparisons import check_same
from tests.e2e.kubeflow.runs import NEVER_CACHED, STORE_PASSWORD, Kubeflow, secrets_in
from tests.e2e.runs import HEADER, REVIEWS, SAMPLE, Run, Runner
from tests.kubeflow.backend.cluster import PIPELINE_ROOT, RunResult
from tests.kubeflow.backend.driver import Installation
from transform import features

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def key(sample_run: Run) -> str:
    return (sample_run.work_dir / "pseudonym.key").read_text().strip()


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory: pytest.TempPathFactory, key: str) -> Kubeflow:
    return Kubeflow(tmp_path_factory.mktemp("kubeflow"), key)


@pytest.fixture(scope="module")
def data(kubeflow: Kubeflow) -> Path:
    path = kubeflow.folder / "volume" / "in" / "reviews.csv.gz"
    path.parent.mkdir(parents=True)
    return Path(shutil.copy(SAMPLE, path))


@pytest.fixture(scope="module")
def first(kubeflow: Kubeflow, data: Path) -> RunResult:
    return kubeflow.run(data)


@pytest.fixture(scope="module")
def refused(kubeflow: Kubeflow, data: Path, first: RunResult) -> RunResult:
    """A run on unchanged data, with the first one's model in the push folder, that asks for too much."""
    return kubeflow.run(data, evaluation={"min_coverage": 0.999999})


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
    tmp_path: Path, key: str, data: Path, sample_run: Run
) -> None:
    old = Kubeflow(tmp_path, key, installation=Installation((2, 5), publish_logs=False))
    done = old.run(data)
    assert set(done.states()) == {"COMPLETE"}
    assert not list(old.cluster.folder.rglob("executor-logs"))
    check_same(done, old.push_dir, sample_run)


def test_counts_vocabularies_and_recommendations_are_those_of_the_local_run(
    first: RunResult, kubeflow: Kubeflow, sample_run: Run
) -> None:
    check_same(first, kubeflow.push_dir, sample_run)


def test_metadata_shows_metrics_blessing_and_pushed_version(
    first: RunResult, kubeflow: Kubeflow, sample_run: Run
) -> None:
    metrics = json.loads(sample_run.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())["model"]
    shown = first.properties("RetrievalEvaluator", "evaluation")
    for name in ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "mrr_at_20"):
        assert shown[name] == pytest.approx(metrics[name]["value"], abs=1e-6)  # SQLite's ML Metadata keeps six digits.
    assert first.properties("RetrievalEvaluator", "blessing")["blessed"] == 1
    assert first.properties("ServingValidator", "blessing")["blessed"] == 1
    pushed = first.properties("Pusher", "pushed_model")
    [version] = kubeflow.push_dir.iterdir()
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
    kubeflow: Kubeflow, data: Path, refused: RunResult, run: Runner
) -> None:
    data.write_bytes(gzip.compress((HEADER + REVIEWS + "9,u,Book 1,five,\n").encode()))
    done = kubeflow.run(data)
    assert done.states("Contract", "RatingsExampleGen") == ["CACHED", "FAILED"]
    assert set(done.states()) == {"CACHED", "COMPLETE", "FAILED", "OMITTED"}
    assert done.steps["Pusher"].state == "OMITTED"
    local = run(data)
    assert done.exit_code == local.exit_code == 2
    assert f"error: {done.message()}" == local.errors
    assert "Traceback" not in done.log("RatingsExampleGen")


def test_no_credential_and_no_key_is_left_anywhere(kubeflow: Kubeflow, refused: RunResult, key: str) -> None:
    kinds = {path.suffix for path in kubeflow.folder.rglob("*") if path.is_file()}
    assert kinds > {".yaml", ".log", ".sqlite", ".parquet", ".json"}
    assert secrets_in(kubeflow.folder, key, STORE_PASSWORD) == []
