"""The same input twice gives the same pseudonyms, splits, vocabularies and model, byte for byte."""

import gzip

import pytest

from serving.pushed_model import PushedModel, newest_version
from tests.e2e.runs import Run

pytestmark = pytest.mark.e2e

COMPARED = (
    "RatingsExampleGen/examples/*/Split-*/*.parquet",
    "InteractionSplitter/examples/*/Split-*/*.parquet",
    "Transform/transformed_examples/*/Split-*/*.parquet",
    "Transform/transform_graph/*/transform_fn/assets/*",
)


def found(run: Run, pattern: str) -> dict[str, bytes]:
    """File contents by split and name. What is packed is unpacked: gzip stamps the time into its header."""
    paths = sorted(run.work_dir.glob(f"artifacts/{pattern}"))
    return {
        f"{path.parent.name}/{path.name}": gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in paths
    }


def test_two_runs_with_one_key_differ_in_nothing(sample_run: Run, same_key_run: Run) -> None:
    for pattern in COMPARED:
        first, second = found(sample_run, pattern), found(same_key_run, pattern)
        assert first
        assert first == second, pattern
    pushed, trained_again = newest_version(sample_run.push_dir), same_key_run.artifact("Trainer/model/*/Format-Serving")
    models = [PushedModel(folder) for folder in (pushed, trained_again)]
    readers = models[0].example_users(20)
    assert len(readers) >= 10
    for reader in readers:
        assert models[0].recommend([reader], 20) == models[1].recommend([reader], 20)
