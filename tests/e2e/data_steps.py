"""The steps that run on Beam, and what they leave behind, in a form that can be compared between runners."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import v1 as tfx
from tfx.orchestration.pipeline import RunOptions  # A run of some steps is in no public module.

from pipeline.configuration.config import PipelineConfig
from pipeline.graph import create_pipeline

BEAM_STEPS = ("RatingsExampleGen", "StatisticsGen", "InteractionSplitter", "Transform")


def run_data_steps(config: PipelineConfig, key_file: Path) -> None:
    """Runs everything before Trainer, in this process, with its artifacts in `config.work_dir`."""
    pipeline = create_pipeline(
        config,
        data=config.data_location,
        push_dir=config.push_location,
        baseline_dir=str(config.work_dir / "baseline"),
        pipeline_root=str(config.work_dir / "artifacts"),
        key_file=str(key_file),
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(config.work_dir / "metadata.sqlite")
        ),
    )
    only = RunOptions(to_nodes=["SchemaGen", "Transform"])
    tfx.orchestration.LocalDagRunner().run(pipeline, run_options=only)


def differences(one: Path, other: Path) -> Iterator[str]:
    """Yields a line for each content that differs between the work folders `one` and `other`."""
    expected, found = (dict(_contents(folder / "artifacts")) for folder in (one, other))
    for name in sorted(expected.keys() | found.keys()):
        if name not in expected or name not in found:
            yield f"{name}: only in {one if name in expected else other}"
        elif not _same(expected[name], found[name]):
            yield f"{name}: differs"


def _contents(artifacts: Path) -> Iterator[tuple[str, Any]]:
    """Yields what the data steps wrote, by name. Transform's files are the runner's affair: only their rows count."""
    for step in ("RatingsExampleGen", "InteractionSplitter"):
        for path in _files(artifacts, f"{step}/examples/*/**/*.*"):
            name = "/".join(path.relative_to(artifacts / step / "examples").parts[1:])  # Without the number of the run.
            yield f"{step} {name}", _rows(path) if path.suffix == ".parquet" else path.read_bytes()
    for split in ("train", "eval"):
        paths = _files(artifacts, f"Transform/transformed_examples/*/Split-{split}/*")
        table = pd.concat([_rows(path) for path in paths]).map(lambda values: values[0])
        columns = sorted(table.columns)
        yield f"transformed {split}", table[columns].sort_values(columns, ignore_index=True)
    for path in _files(artifacts, "Transform/transform_graph/*/transform_fn/assets/*"):
        yield (
            f"vocabulary {path.name}",
            [bytes(record) for record in tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()],
        )
    for path in _files(artifacts, "StatisticsGen/statistics/*/*/FeatureStats.pb"):
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        for feature in statistics.datasets[0].features:
            yield f"statistics of {'.'.join(feature.path.step)}", _without_order(json_format.MessageToDict(feature))
        yield "rows that statistics are of", statistics.datasets[0].num_examples
    for path in _files(artifacts, "ExampleValidator/anomalies/*/*/SchemaDiff.pb"):
        yield "anomalies", json_format.MessageToDict(anomalies_pb2.Anomalies.FromString(path.read_bytes()))
    for step in ("SchemaGen/schema/*", "Transform/transform_graph/*/*metadata"):
        for path in _files(artifacts, f"{step}/schema.pbtxt"):
            schema = text_format.Parse(path.read_text(), schema_pb2.Schema())
            yield f"schema of {step} {path.parent.name.strip('0123456789')}", json_format.MessageToDict(schema)


def _without_order(feature: dict[str, Any]) -> dict[str, Any]:
    """Leaves the counts of names alone: which of equally frequent names comes first is the runner's affair."""
    strings = feature.get("stringStats", {})
    for counted, count in (("topValues", "frequency"), ("rankHistogram", "sampleCount")):
        if counted in strings:
            values = strings[counted].get("buckets", []) if counted == "rankHistogram" else strings[counted]
            strings[counted] = [value.get(count) for value in values]
    return feature


def _files(artifacts: Path, pattern: str) -> list[Path]:
    found = [path for path in sorted(artifacts.glob(pattern)) if path.is_file()]
    assert found, pattern
    return found


def _rows(path: Path) -> pd.DataFrame:
    frame = pq.read_table(path).to_pandas()
    return frame.map(lambda value: tuple(value) if isinstance(value, np.ndarray) else value)


def _same(one: Any, other: Any) -> bool:
    """Says whether both are equal; sums of floating-point numbers may have been added in another order."""
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=1e-6, equal_nan=True))
    return type(one) is type(other) and one == other
