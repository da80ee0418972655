"""Runs whose reviews and push folder are in an object store, and that find there what the one before has pushed."""

import json

import pytest

from tests.e2e.marked_runs import MarkedRuns, Stage
from tests.e2e.runs import Runner
from tests.s3_server import Bucket
from transform import features

pytestmark = pytest.mark.e2e


def test_runs_with_remote_reviews_and_a_remote_push_folder(marked_runs: MarkedRuns) -> None:
    first, second, third = marked_runs.first, marked_runs.accepted, marked_runs.again
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    assert not first.run.push_dir.exists()
    [release] = first.releases
    assert release.recall is not None
    kept = {name.partition("/")[2] for name in first.pushed}
    assert {"saved_model.pb", features.TWIN_FILE, features.WARMUP_FILE, features.RELEASE_NOTE_FILE} <= kept

    assert [older.version for older in second.releases][:-1] == [release.version]
    assert_it_was_compared_with_what_was_served(second, before=first)
    [newest] = third.releases  # --keep-versions=1
    assert int(newest.version) > int(second.releases[-1].version) > int(release.version)
    assert_it_was_compared_with_what_was_served(third, before=second)
    assert not first.run.push_dir.exists()


def assert_it_was_compared_with_what_was_served(stage: Stage, before: Stage) -> None:
    assert stage.run.exit_code == 0, stage.run.output + stage.run.errors
    metrics = json.loads(stage.run.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())
    assert metrics["served"]["version"] == before.releases[-1].version
    assert metrics["served"]["recall_at_20"] > 0


def test_a_missing_bucket_ends_a_run_before_its_first_step(run: Runner, bucket: Bucket) -> None:
    done = run("s3://no-such-bucket/reviews", "--push-dir=s3://no-such-bucket/push")
    assert done.exit_code == 2
    assert done.errors.count("has no bucket 'no-such-bucket'") == 2
    assert not (done.work_dir / "artifacts").exists()
