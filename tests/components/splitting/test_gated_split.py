"""Stock TFX components, the gate and the splitter in one small pipeline, as a runner runs them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow_transform as tft
from tfx import v1 as tfx

from components.artifacts import parquet_examples
from components.ingestion.data_gate import DataGate, baseline_path, read_baseline
from components.splitting import interaction_splitter
from components.splitting.interaction_splitter import InteractionSplitter
from components.splitting.split_parameters import SplitParameters
from core.errors import GateError
from pipeline.configuration.config import SCHEMA_FILE
from tests.beam_options import IN_MEMORY
from tests.components.splitting.test_interaction_splitter import read_split, write_reviews
from tests.components.splitting.test_rules import random_reviews
from transform import features
from transform.columnar_transform import ColumnarTransform
from transform.preprocessing import preprocessing_fn
from transform.vocabulary import read_vocabulary
from transform.vocabulary_parameters import VocabularyParameters

pytestmark = pytest.mark.integration


class Pipeline:
    """A pipeline whose runs share a folder of kept statistics, as runs in one work folder do."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._runs = 0
        self.artifacts = folder
        self.baseline = Path(baseline_path(str(folder / "baseline"), features.REVIEWS_SPLIT))

    def __call__(self, reviews: pd.DataFrame, *, accept_drift: bool = False, transforms: Sequence[type] = ()) -> None:
        self._runs += 1
        self.artifacts = self._folder / f"run-{self._runs}"
        source = tfx.dsl.Importer(
            source_uri=write_reviews(self._folder / f"reviews-{self._runs}", reviews),
            artifact_type=tfx.types.standard_artifacts.Examples,
            properties={"split_names": f'["{features.REVIEWS_SPLIT}"]'},
            custom_properties={
                "payload_format": parquet_examples.PAYLOAD_FORMAT,
                "file_format": parquet_examples.FILE_FORMAT,
            },
        ).with_id("Reviews")
        statistics = tfx.components.StatisticsGen(examples=source.outputs["result"])
        inferred = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
        contract = tfx.components.ImportSchemaGen(schema_file=str(SCHEMA_FILE))
        validator = tfx.components.ExampleValidator(
            statistics=statistics.outputs["statistics"], schema=contract.outputs["schema"]
        )
        gate = DataGate(
            statistics=statistics.outputs["statistics"],
            schema=contract.outputs["schema"],
            anomalies=validator.outputs["anomalies"],
            baseline_dir=str(self.baseline.parent),
            accept_drift=accept_drift,
            max_shrinkage=0.1,
        )
        splitter = InteractionSplitter(
            reviews=source.outputs["result"],
            gate=gate.outputs["gate"].future()[0].value,
            **SplitParameters().model_dump(),
        )
        nodes = [source, statistics, inferred, contract, validator, gate, splitter]
        if transforms:
            nodes.append(tfx.components.StatisticsGen(examples=splitter.outputs["examples"]).with_id("SplitStatistics"))
            nodes += [
                transform(
                    examples=splitter.outputs["examples"],
                    schema=contract.outputs["schema"],
                    preprocessing_fn=f"{preprocessing_fn.__module__}.{preprocessing_fn.__qualname__}",
                    splits_config=tfx.proto.SplitsConfig(
                        analyze=[features.TRAIN_SPLIT], transform=[features.TRAIN_SPLIT, features.EVAL_SPLIT]
                    ),
                    custom_config=VocabularyParameters().model_dump(),
                    disable_analyzer_cache=True,
                    disable_statistics=True,
                )
                for transform in transforms
            ]
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="gated-split",
                pipeline_root=str(self.artifacts),
                components=nodes,
                enable_cache=False,
                metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                    str(self.artifacts / "metadata.sqlite")
                ),
                beam_pipeline_args=IN_MEMORY,
            )
        )

    def output(self, pattern: str) -> list[Path]:
        """The files of the last run that fit `pattern`, below the artifacts."""
        return [path for path in self.artifacts.glob(pattern) if path.is_file()]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def transformed(pipeline: Pipeline, step: str, split: str) -> pd.DataFrame:
    """The rows that a Transform has written, in an order that does not depend on its workers."""
    paths = pipeline.output(f"{step}/transformed_examples/*/Split-{split}/*")
    columns = pa.concat_tables(pq.read_table(path) for path in paths)
    flat = pa.table({name: columns.column(name).combine_chunks().flatten() for name in columns.column_names})
    return flat.to_pandas().sort_values([features.USER_ID, features.BOOK_ID], ignore_index=True)


def expected(pipeline: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
    """What the vocabularies of ColumnarTransform make of `rows`, worked out in pandas."""
    [graph] = (pipeline.artifacts / "ColumnarTransform" / "transform_graph").iterdir()
    output = tft.TFTransformOutput(str(graph))
    ids = {}
    for name, column, vocabulary in (
        (features.USER_ID, rows.user, features.USER_VOCABULARY),
        (features.BOOK_ID, rows.book, features.ISBN_VOCABULARY),
    ):
        tokens = read_vocabulary(output.vocabulary_file_by_name(vocabulary)).tokens
        places = {token.decode(): place for place, token in enumerate(tokens)}
        ids[name] = [places.get(value, features.OUT_OF_VOCABULARY) for value in column]
    found = pd.DataFrame({**ids, features.RATING_VALUE: rows.rating.to_numpy()})
    return found.sort_values([features.USER_ID, features.BOOK_ID], ignore_index=True)


@pytest.mark.parametrize(
    ("reviews", "transforms"),
    [
        pytest.param(random_reviews(7, rows=40, users=8), [ColumnarTransform], marks=pytest.mark.exhaustive),
        pytest.param(random_reviews(7), [tfx.components.Transform, ColumnarTransform], marks=pytest.mark.exhaustive),
    ],
    ids=["few", "many, and stock Transform"],
)
def test_components_read_the_splits_though_some_files_are_empty(
    reviews: pd.DataFrame, transforms: list[type], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interaction_splitter, "ROWS_A_SHARD", 5)
    pipeline(reviews, transforms=transforms)
    [examples] = {path.parents[1] for path in pipeline.output("InteractionSplitter/examples/*/Split-*/*")}
    for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT):
        kept = read_split(examples, split)
        rows = [parquet_examples.count_rows([path]) for path in parquet_examples.part_paths(str(examples), split)]
        assert 0 in rows
        assert sum(rows) == len(kept) > 0
        [_] = pipeline.output(f"SplitStatistics/statistics/*/Split-{split}/FeatureStats.pb")
        columnar = transformed(pipeline, "ColumnarTransform", split)
        pd.testing.assert_frame_equal(columnar, expected(pipeline, kept), check_like=True, check_dtype=False)
        for step in transforms[:-1]:
            stock = transformed(pipeline, step.__name__, split)
            assert len(stock) == len(kept)
            assert columnar.equals(stock)


@pytest.mark.exhaustive
def test_drift_changes_nothing_until_it_is_accepted(pipeline: Pipeline) -> None:
    reviews = random_reviews(7)
    pipeline(reviews)
    assert pipeline.output("InteractionSplitter/examples/*/Split-train/*")
    accepted = pipeline.baseline.read_bytes()

    drifted = reviews.assign(rating=1.0)
    with pytest.raises(GateError, match=r"RatingOf5 +drift .*\n.*\n?.*--accept-drift") as stopped:
        pipeline(drifted)
    assert stopped.value.exit_code == 3
    assert "threshold 0.1" in str(stopped.value)
    assert not pipeline.output("InteractionSplitter/**/*")
    assert pipeline.baseline.read_bytes() == accepted

    pipeline(drifted, accept_drift=True)
    assert pipeline.output("InteractionSplitter/examples/*/Split-train/*")
    assert pipeline.baseline.read_bytes() != accepted


def test_broken_reviews_stop_even_if_drift_is_accepted(pipeline: Pipeline) -> None:
    reviews = random_reviews(7)
    reviews.loc[3, "rating"] = 7.0
    with pytest.raises(GateError, match=r"RatingOf5 +Out-of-range values .*7") as stopped:
        pipeline(reviews, accept_drift=True)
    assert "--accept-drift" not in str(stopped.value)
    assert not pipeline.output("InteractionSplitter/**/*")
    assert not pipeline.baseline.exists()


@pytest.mark.exhaustive
def test_accepting_drift_replaces_a_damaged_baseline(pipeline: Pipeline) -> None:
    pipeline.baseline.parent.mkdir()
    pipeline.baseline.write_bytes(b"no protobuf at all")
    pipeline(random_reviews(7), accept_drift=True)
    assert read_baseline(str(pipeline.baseline.parent), features.REVIEWS_SPLIT) is not None
