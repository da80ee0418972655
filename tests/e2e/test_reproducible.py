"""The same input twice gives the same pseudonyms, splits, vocabularies and model, byte for byte."""

import gzip

import pytest

from serving.pushed_model import PushedModel
from tests.e2e.killed_runs import Restarted
from tests.e2e.runs import Run

pytestmark = pytest.mark.e2e

COMPARED = {
    "RatingsExampleGen/examples": "Split-*/*.parquet",
    "InteractionSplitter/examples": "Split-*/*.parquet",
    "Transform/transformed_examples": "Split-*/*.parquet",
    "Transform/transform_graph": "transform_fn/assets/*",
}


def found(run: Run, artifact: str, pattern: str) -> dict[str, bytes]:
    """File contents by split and name. What is packed is unpacked: gzip stamps the time into its header."""
    paths = sorted(run.artifact(f"{artifact}/*").glob(pattern))
    return {
        f"{path.parent.name}/{path.name}": gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in paths
    }


def assert_they_differ_in_nothing(one: Run, other: Run) -> None:
    for artifact, pattern in COMPARED.items():
        first, second = (found(run, artifact, pattern) for run in (one, other))
        assert first
        assert first == second, artifact
    models = [PushedModel(run.artifact("Trainer/model/*/Format-Serving")) for run in (one, other)]
    readers = models[0].example_users(20)
    assert len(readers) >= 10
    for reader in readers:
        assert models[0].recommend([reader], 20) == models[1].recommend([reader], 20)


def test_a_run_and_the_one_after_it_with_the_same_key_differ_in_nothing(restarted_run: Restarted) -> None:
    assert_they_differ_in_nothing(restarted_run.killed, restarted_run.completed)


@pytest.mark.exhaustive
def test_two_runs_on_the_sample_with_one_key_differ_in_nothing(sample_run: Run, same_key_run: Run) -> None:
    assert_they_differ_in_nothing(sample_run, same_key_run)
