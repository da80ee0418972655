"""The compiled pipeline on real reviews, beside the local runner's run on them, and a second run that succeeds it."""

from pathlib import Path

import pytest

from registry.push_folder import newest_version
from tests.e2e.kubeflow.comparisons import check_same
from tests.e2e.kubeflow.runs import Kubeflow
from tests.e2e.runs import ROOT, Runner

DATA = ROOT.parent / "shared" / "data" / "goodbooks-999-users" / "USER_ISBN_RATING_GENRES.csv"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.large,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not DATA.exists(), reason=f"the real reviews are not at {DATA}"),
]


def test_999_readers_get_the_same_and_the_next_run_compares_with_what_is_served(run: Runner, tmp_path: Path) -> None:
    local = run(DATA)
    assert local.exit_code == 0, local.output + local.errors
    key = (run.work_dir / "pseudonym.key").read_text().strip()
    kubeflow = Kubeflow(tmp_path / "kubeflow", key, forked=False)
    check_same(kubeflow.run(DATA), kubeflow.push_dir, local)
    served = newest_version(kubeflow.push_dir)

    again = kubeflow.run(DATA)
    assert again.failed is None, again.log(again.failed or "")[-5000:]
    assert again.steps["Trainer"].state == "CACHED"
    told = again.log("RetrievalEvaluator").splitlines()
    [line] = [line for line in told if "Recall@20 against the served model" in line]
    assert line.startswith("ok ")
    assert line.endswith("difference +0.0000 to +0.0000")
    assert again.properties("RetrievalEvaluator", "blessing")["blessed"] == 1
    newest = newest_version(kubeflow.push_dir)
    assert newest.name == again.properties("Pusher", "pushed_model")["pushed_version"]
    assert int(newest.name) > int(served.name)
