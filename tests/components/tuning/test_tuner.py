"""The component: what it writes for Trainer, and where it is in the graph."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx import v1 as tfx

from components.tuning import tuner
from components.tuning.tuner import Tuner
from pipeline.configuration.config import PipelineConfig
from pipeline.graph import create_pipeline, steps_up_to
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.parameters import Axis, SearchSpace, TuningParameters

READERS, BOOKS = 24, 80


def artifact(kind: type, folder: Path) -> tfx.dsl.Artifact:
    folder.mkdir()
    made = kind()
    made.uri = str(folder)
    return made


def write_inputs(examples: Path, graph: Path) -> None:
    """Readers of two tastes. A hold-out that no one may read is not even Parquet."""
    rows = [
        (user, book)
        for user in range(READERS)
        for book in range(BOOKS)
        if (user + book) % 2 == 0 and book % 5 != user % 5
    ]
    (examples / "Split-train").mkdir()
    columns = {
        name: pa.array([[row[at]] for row in rows], pa.large_list(pa.int64()))
        for at, name in enumerate(("user_id", "book_id"))
    }
    pq.write_table(pa.table(columns), examples / "Split-train" / "part-00000.parquet")
    (examples / "Split-eval").mkdir()
    (examples / "Split-eval" / "part-00000.parquet").write_bytes(b"nobody reads this")
    for name, count in (("user_vocabulary", READERS), ("isbn_vocabulary", BOOKS)):
        with tf.io.TFRecordWriter(str(graph / name), options="GZIP") as writer:
            for number in range(count):
                writer.write(f"1 {number}".encode())


class Graph:
    """What the component asks of Transform's output."""

    def __init__(self, uri: str):
        self._uri = uri

    def vocabulary_file_by_name(self, name: str) -> str:
        return f"{self._uri}/{name}"


@pytest.mark.integration
@pytest.mark.parametrize("study_dir", [pytest.param("", marks=pytest.mark.exhaustive), "study"])
def test_it_hands_on_what_beats_the_configured_and_tells_of_all_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study_dir: str
) -> None:
    monkeypatch.setattr(tuner.tft, "TFTransformOutput", Graph)
    kinds = tfx.types.standard_artifacts
    examples, graph = (
        artifact(kinds.Examples, tmp_path / "examples"),
        artifact(kinds.TransformGraph, tmp_path / "graph"),
    )
    write_inputs(tmp_path / "examples", tmp_path / "graph")
    best, results = (
        artifact(kinds.HyperParameters, tmp_path / "best"),
        artifact(kinds.TunerResults, tmp_path / "results"),
    )
    base = Hyperparameters(embedding_dim=4, parts=("trained",), learning_rate=1e-6, max_epochs=1, temperatures=(0.1,))
    space = SearchSpace(parts=Axis(choices=(("closed_form",),)))
    folder = str(tmp_path / study_dir) if study_dir else ""
    Tuner.EXECUTOR_SPEC.executor_class().Do(
        {"transformed_examples": [examples], "transform_graph": [graph]},
        {"best_hyperparameters": [best], "tuner_results": [results]},
        {
            "hyperparameters": base.model_dump_json(),
            "parameters": TuningParameters(trials=2, folds=2, space=space).model_dump_json(),
            "study_dir": folder,
        },
    )
    [file] = (tmp_path / "best").iterdir()  # Trainer takes the only one.
    assert json.loads(file.read_text()) == {"parts": ["closed_form"]}
    facts = json.loads((tmp_path / "results" / "tuner_results.json").read_text())
    assert [trial["values"] for trial in facts["trials"]] == [{}, {"parts": ["closed_form"]}]
    assert results.get_float_custom_property("recall_at_20") == facts["chosen"]["recall_at_20"]
    assert results.get_float_custom_property("configured_recall_at_20") == facts["baseline"]["recall_at_20"]
    assert results.get_int_custom_property("trials") == 2
    kept = sorted(path.name for path in (tmp_path / "study").glob("*"))
    assert [name.partition("-")[0] for name in kept] == (["best.json", "best.toml", "study"] if study_dir else [])


def pipeline_of(trials: int) -> tfx.dsl.Pipeline:
    config = PipelineConfig(tuning=TuningParameters(trials=trials))
    return create_pipeline(config, data="x", push_dir="y", baseline_dir="", pipeline_root="r", key_file=None)


def test_it_is_in_the_graph_where_trials_are_asked_for_and_trainer_waits_for_it() -> None:
    nodes = {node.id: node for node in pipeline_of(2).components}
    assert nodes["Tuner"] in nodes["Trainer"].upstream_nodes
    assert nodes["Trainer"].inputs["hyperparameters"].type is tfx.types.standard_artifacts.HyperParameters
    without = {node.id: node for node in pipeline_of(0).components}
    assert set(nodes) - set(without) == {"Tuner"}
    assert "hyperparameters" not in without["Trainer"].inputs


def test_the_steps_up_to_it_are_those_that_it_needs() -> None:
    steps = steps_up_to(pipeline_of(2), "Tuner")
    assert steps[-1] == "Tuner"
    assert {"DataGate", "InteractionSplitter", "Transform"} < set(steps)
    assert not {"Trainer", "RetrievalEvaluator", "Pusher", "SchemaGen"} & set(steps)


def test_readers_are_as_many_as_the_vocabulary_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner.tft, "TFTransformOutput", Graph)
    seen = []
    monkeypatch.setattr(tuner, "tune", lambda histories, books, *_: seen.append((histories, books)))
    for name in ("examples", "graph"):
        (tmp_path / name).mkdir()
    write_inputs(tmp_path / "examples", tmp_path / "graph")
    tuner.search(str(tmp_path / "examples"), str(tmp_path / "graph"), Hyperparameters(), TuningParameters(), tmp_path)
    [(histories, books)] = seen
    assert books == BOOKS
    assert (histories.sizes() == 32).all()
    assert len(histories.sizes()) == READERS
