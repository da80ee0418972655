"""Runs whose reviews and push folder are in an object store, and that find there what the one before has pushed."""

import json

import pytest

from tests.e2e.marked_runs import MarkedRuns, Stage
from tests.e2e.runs import Runner
from tests.s3_server import Bucket
from transform import features

pytestmark = pytest.mark.e2e


def test_a_run_with_remote_reviews_and_a_remote_push_folder_and_one_that_finds_what_it_pushed(
    marked_runs: MarkedRuns,
) -> None:
    first, second = marked_runs.first, marked_runs.refused
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    [release] = first.releases
    assert release.recall is not None
    kept = {name.partition("/")[2] for name in first.pushed}
    assert {"saved_model.pb", features.HOLDOUT_MODEL_FILE, features.WARMUP_FILE, features.RELEASE_NOTE_FILE} <= kept
    assert_it_was_compared_with_what_was_served(second, before=first)
    assert not second.run.push_dir.exists()


@pytest.mark.exhaustive
def test_a_push_over_what_is_served_in_an_object_store_prunes_it(marked_runs: MarkedRuns) -> None:
    first, again = marked_runs.first, marked_runs.again
    assert again.run.exit_code == 0, again.run.output + again.run.errors
    [newest] = again.releases  # --keep-versions=1
    assert int(newest.version) > int(first.releases[-1].version)
    assert_it_was_compared_with_what_was_served(again, before=first)
    assert not again.run.push_dir.exists()


def assert_it_was_compared_with_what_was_served(stage: Stage, before: Stage) -> None:
    metrics = json.loads(stage.run.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())
    assert metrics["served"]["version"] == before.releases[-1].version
    assert metrics["served"]["recall_at_20"] > 0


def test_a_missing_bucket_ends_a_run_before_its_first_step(run: Runner, bucket: Bucket) -> None:
    done = run("s3://no-such-bucket/reviews", "--push-dir=s3://no-such-bucket/push")
    assert done.exit_code == 2
    assert done.errors.count("has no bucket 'no-such-bucket'") == 2
    assert not (done.work_dir / "artifacts").exists()
