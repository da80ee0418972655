"""A run whose reviews and push folder are in an object store, and one that finds there what the first has pushed."""

import json

import pytest

from serving.push_history import read_history
from tests.e2e.runs import HEADER, TASTES, Runner
from tests.s3_server import Bucket
from transform import features
from transform.push_folder import PushFolder

pytestmark = pytest.mark.e2e

FAST = "--training.max-epochs=2"


def test_two_runs_with_remote_reviews_and_a_remote_push_folder(run: Runner, bucket: Bucket) -> None:
    bucket.put("reviews/a.csv", HEADER + TASTES)
    data, push_dir = f"s3://{bucket.name}/reviews", f"minio://{bucket.name}/push"
    first = run(data, f"--push-dir={push_dir}", FAST)
    assert first.exit_code == 0, first.output + first.errors
    assert not first.push_dir.exists()
    [release] = read_history(PushFolder(push_dir))
    assert release.recall is not None
    kept = {name.partition("/")[2].partition("/")[2] for name in bucket.names() if name.startswith("push/")}
    assert {"saved_model.pb", features.TWIN_FILE, features.WARMUP_FILE, features.RELEASE_NOTE_FILE} <= kept
    second = run(data, f"--push-dir={push_dir}", FAST, "--keep-versions=1")
    assert second.exit_code == 0, second.output + second.errors
    [newer] = read_history(PushFolder(push_dir))
    assert int(newer.version) > int(release.version)
    metrics = json.loads(second.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())
    assert metrics["served"]["version"] == release.version
    assert metrics["served"]["recall_at_20"] > 0


def test_a_missing_bucket_ends_a_run_before_its_first_step(run: Runner, bucket: Bucket) -> None:
    done = run("s3://no-such-bucket/reviews", "--push-dir=s3://no-such-bucket/push")
    assert done.exit_code == 2
    assert done.errors.count("has no bucket 'no-such-bucket'") == 2
    assert not (done.work_dir / "artifacts").exists()
