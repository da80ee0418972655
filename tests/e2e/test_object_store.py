"""Runs whose reviews and push folder are in an object store, and that find there what the one before has pushed."""

import json

import pytest

from tests.e2e.marked_runs import MarkedRuns
from tests.e2e.runs import Runner
from tests.s3_server import Bucket
from transform import features

pytestmark = pytest.mark.e2e


def test_runs_with_remote_reviews_and_a_remote_push_folder(marked_runs: MarkedRuns) -> None:
    first, second = marked_runs.first, marked_runs.accepted
    assert first.run.exit_code == 0, first.run.output + first.run.errors
    assert not first.run.push_dir.exists()
    [release] = first.releases
    assert release.recall is not None
    kept = {name.partition("/")[2] for name in first.pushed}
    assert {"saved_model.pb", features.TWIN_FILE, features.WARMUP_FILE, features.RELEASE_NOTE_FILE} <= kept

    assert second.run.exit_code == 0, second.run.output + second.run.errors
    [newest] = second.releases  # --keep-versions=1
    assert int(newest.version) > int(release.version)
    metrics = json.loads(second.run.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())
    assert metrics["served"]["version"] == release.version
    assert metrics["served"]["recall_at_20"] > 0
    assert not second.run.push_dir.exists()


def test_a_missing_bucket_ends_a_run_before_its_first_step(run: Runner, bucket: Bucket) -> None:
    done = run("s3://no-such-bucket/reviews", "--push-dir=s3://no-such-bucket/push")
    assert done.exit_code == 2
    assert done.errors.count("has no bucket 'no-such-bucket'") == 2
    assert not (done.work_dir / "artifacts").exists()
