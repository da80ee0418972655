"""The compiled pipeline with everything in an object store: reviews, push folder, baseline and artifacts."""

from pathlib import Path

import pytest

from tests.e2e.kubeflow.runs import STORE_PASSWORD, Kubeflow, secrets_in
from tests.e2e.runs import HEADER, TASTES
from tests.s3_server import REGION, Bucket

pytestmark = [pytest.mark.e2e, pytest.mark.large, pytest.mark.timeout(3600)]

KEY = "0123456789abcdef0123456789abcdef"


def test_reviews_models_and_baseline_are_in_buckets(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("in/reviews.csv", HEADER + TASTES)
    environment = {"AWS_ENDPOINT_URL_S3": bucket.endpoint, "AWS_REGION": REGION}
    kubeflow = Kubeflow(tmp_path / "kubeflow", KEY, environment, forked=False)
    places = {"push_dir": f"minio://{bucket.name}/push", "baseline_dir": f"s3://{bucket.name}/baseline"}
    data = f"s3://{bucket.name}/in/reviews.csv"

    done = kubeflow.run(data, places, training={"max_epochs": 1})
    assert done.failed is None, done.log(done.failed or "")[-5000:]
    pushed = done.properties("Pusher", "pushed_model")
    assert pushed["pushed_destination"] == f"{places['push_dir']}/{pushed['pushed_version']}"
    names = bucket.names()
    assert f"push/{pushed['pushed_version']}/saved_model.pb" in names
    assert [name for name in names if name.startswith("baseline/")]
    assert not kubeflow.push_dir.exists()

    bucket.put("in/reviews.csv", HEADER + TASTES + "9,u,Book 1,five,\n")
    changed = kubeflow.run(data, places, training={"max_epochs": 1})
    assert (changed.failed, changed.exit_code) == ("RatingsExampleGen", 2)
    assert f"{data}:" in changed.message()
    assert secrets_in(kubeflow.folder, KEY, STORE_PASSWORD) == []
