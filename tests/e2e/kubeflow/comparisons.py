"""What a run in the cluster must have in common with a run of the local runner on the same data, with the same key."""

import gzip
import re
from pathlib import Path
from typing import Final

from registry.push_folder import newest_version
from serving.pushed_model import PushedModel
from tests.e2e.runs import Run
from tests.kubeflow.backend.cluster import RunResult

SAME_FILES: Final = {
    "RatingsExampleGen/examples": "Split-*/*.parquet",
    "InteractionSplitter/examples": "Split-*/*.parquet",
    "Transform/transformed_examples": "Split-*/*.parquet",
    "Transform/transform_graph": "transform_fn/assets/*",
}
READERS: Final = 10

# What is measured anew in every run.
_TIME: Final = re.compile(r", [\d.]+ s$")
_MEASURED: Final = re.compile(r"seconds|MiB")

# How far an activity has come: a local run says it of what takes longer than 10 seconds, a pod never.
_ADVANCE: Final = re.compile(r"^[a-z ]+: \d+%, [\d.,]+ (\w+ )?of [\d.,]+ \w+(, about [\d:]+ left)?$")


def check_same(ours: RunResult, push_dir: Path, local: Run) -> None:
    """Checks messages, splits, vocabularies and recommendations."""
    assert ours.failed is None, ours.log(ours.failed or "")[-5000:]
    expected = local_messages(local)
    for beginning in (
        "kept interactions ",
        "held-out interactions ",
        "chosen: ",
        "ok       Recall@20 against popularity",
    ):
        assert any(line.startswith(beginning) for line in expected), beginning
    said = {line for name in ours.steps for line in _comparable(ours.log(name))}
    assert [line for line in expected if line not in said] == []
    for artifact, pattern in SAME_FILES.items():
        step, output = artifact.split("/")
        found = _files(ours.artifact(step, output), pattern)
        assert found, artifact
        assert found == _files(local.artifact(f"{artifact}/*"), pattern), artifact
    models = [PushedModel(newest_version(folder)) for folder in (push_dir, local.push_dir)]
    readers = models[1].example_users(READERS)
    assert len(readers) == READERS
    first, second = (model.recommend(readers, 20) for model in models)
    assert first == second


def local_messages(local: Run) -> list[str]:
    """What the steps of a local run told, line by line: counts, losses, the recipe, metrics and checks."""
    steps = local.output.partition("\nPushed ")[0]
    return _comparable("\n".join(line for line in steps.splitlines() if line.startswith(" " * 9)))


def _comparable(text: str) -> list[str]:
    lines = (_TIME.sub("", line.strip()) for line in text.splitlines())
    return [line for line in lines if line and not _MEASURED.search(line) and not _ADVANCE.match(line)]


def _files(folder: Path, pattern: str) -> dict[str, bytes]:
    """File contents by name. What is packed is unpacked: gzip stamps the time into its header."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern))}
    return {name: gzip.decompress(raw) if name.endswith(".gz") else raw for name, raw in found.items()}
