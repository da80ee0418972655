"""Stock TFX components up to Transform, wired as in TFX's tutorials: `python -m benchmarks.scale.stock_chain`.

The vocabularies are this pipeline's own. The examples are CsvExampleGen's, tf.Examples in TFRecords.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import absl.logging
import tensorflow as tf
from tfx import v1 as tfx

from benchmarks.scale.steps import LOG_FORMAT
from pipeline.configuration.config import PipelineConfig
from transform import features, preprocessing
from transform.vocabulary_parameters import VocabularyParameters


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Returns the features of this pipeline's own `preprocessing_fn`.

    Args:
      inputs: the features that SchemaGen inferred. Ratings are int64 if all are whole numbers.
    """
    rating = inputs[features.RATING]
    if isinstance(rating, tf.SparseTensor):
        rating = tf.SparseTensor(rating.indices, tf.cast(rating.values, tf.float32), rating.dense_shape)
    else:
        rating = tf.cast(rating, tf.float32)
    return preprocessing.preprocessing_fn(
        {**inputs, features.RATING: rating}, custom_config=VocabularyParameters().model_dump()
    )


def create_chain(data: Path, work_dir: Path) -> tfx.dsl.Pipeline:
    """Returns the chain.

    Args:
      data: folder that contains only the CSV of reviews.
      work_dir: folder for artifacts and metadata.
    """
    example_gen = tfx.components.CsvExampleGen(input_base=str(data))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=f"benchmarks.scale.stock_chain.{preprocessing_fn.__qualname__}",
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(work_dir / "artifacts"),
        components=[example_gen, statistics_gen, schema_gen, example_validator, transform],
        enable_cache=False,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(work_dir / "metadata.sqlite")
        ),
        beam_pipeline_args=PipelineConfig.model_construct().beam_pipeline_args,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the chain with its log on standard error, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale.stock_chain", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--work-dir", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(argv)
    options.work_dir.mkdir(parents=True, exist_ok=True)
    absl.logging.set_verbosity(absl.logging.INFO)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, force=True)
    tfx.orchestration.LocalDagRunner().run(create_chain(options.data, options.work_dir))
    return 0


if __name__ == "__main__":
    sys.exit(main())
