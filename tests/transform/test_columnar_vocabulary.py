"""Vocabularies counted column by column, beside those of TensorFlow Transform."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata

from transform import columnar_vocabulary, features
from transform.columnar_vocabulary import columnar_vocabularies, count_tokens, prune
from transform.preprocessing import preprocessing_fn
from transform.vocabulary import Vocabulary, read_vocabulary
from transform.vocabulary_parameters import VocabularyParameters

BATCH = 7


def analyzed(folder: Path, names: list[bytes], limits: dict[str, int]) -> tft.TFTransformOutput:
    """What TensorFlow Transform makes of reviews by `names`, each of another book, in batches of `BATCH`."""
    rows = [
        {features.USER: [name], features.ISBN: [b"%d" % row], features.RATING: []} for row, name in enumerate(names)
    ]
    kinds = {features.USER: tf.string, features.ISBN: tf.string, features.RATING: tf.float32}
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(
        {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
    )

    def configured(inputs: dict) -> dict:
        return preprocessing_fn(inputs, VocabularyParameters(**limits).model_dump())

    with tft_beam.Context(temp_dir=str(folder / "temp"), desired_batch_size=BATCH):
        transform_fn = (rows, metadata) | tft_beam.AnalyzeDataset(configured)
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    return tft.TFTransformOutput(str(folder / "graph"))


def users(output: tft.TFTransformOutput) -> Vocabulary:
    return read_vocabulary(output.vocabulary_file_by_name(features.USER_VOCABULARY))


def books(output: tft.TFTransformOutput) -> Vocabulary:
    return read_vocabulary(output.vocabulary_file_by_name(features.ISBN_VOCABULARY))


def refuse(tokens: np.ndarray) -> pa.Table:
    raise ValueError(f"{len(tokens)} tokens are to be counted by columns")


def check_equal(folder: Path, names: list[bytes], limits: dict[str, int]) -> None:
    """Counts `names` both ways. Afterwards, TensorFlow Transform counts as before, and nothing by columns."""
    with columnar_vocabularies():
        columnar = analyzed(folder / "columnar", names, limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columnar_vocabulary, "count_tokens", refuse)
        stock = analyzed(folder / "stock", names, limits)
    assert users(columnar).tokens == users(stock).tokens
    assert users(columnar).counts.tolist() == users(stock).counts.tolist()
    assert books(columnar).tokens == books(stock).tokens
    assert len(books(columnar)) == limits.get("max_books", len(names))
    assert columnar.vocabulary_size_by_name(features.USER_VOCABULARY) == len(users(stock))
    assert columnar.vocabulary_size_by_name(features.USER_VOCABULARY) == stock.vocabulary_size_by_name(
        features.USER_VOCABULARY
    )


@pytest.mark.integration
@pytest.mark.exhaustive
@pytest.mark.parametrize("limits", [{}, {"min_user_count": 2, "max_users": 5, "max_books": 3}, {"min_user_count": 99}])
def test_a_vocabulary_is_that_of_tensorflow_transform(limits: dict[str, int], tmp_path: Path) -> None:
    draws = np.random.default_rng(5).geometric(0.2, 200)
    check_equal(tmp_path, [b"", b"", b"", *(b"reader \xc3\xa9\n%d" % draw for draw in draws)], limits)


@pytest.mark.integration
@pytest.mark.exhaustive
def test_an_empty_name_is_counted_as_tensorflow_transform_does(tmp_path: Path) -> None:
    check_equal(tmp_path, [b"", b"a", b"", b"b", b"b", b""], {})


@pytest.mark.integration
def test_names_are_counted_by_columns_where_they_are_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar_vocabulary, "count_tokens", refuse)
    with pytest.raises(Exception, match="1 tokens are to be counted by columns"), columnar_vocabularies():
        analyzed(tmp_path, [b"a"], {})


@pytest.mark.integration
@pytest.mark.exhaustive
def test_afterwards_tensorflow_transform_counts_what_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar_vocabulary, "count_tokens", refuse)
    with pytest.raises(Exception, match="1 tokens are to be counted by columns"), columnar_vocabularies():
        analyzed(tmp_path / "columnar", [b"a"], {})
    assert users(analyzed(tmp_path / "stock", [b"b", b"b"], {})).counts.tolist() == [2]


def test_counts_are_summed_whatever_the_order_in_which_they_come_together() -> None:
    draws = np.random.default_rng(7).geometric(0.05, 1_000).astype("S").astype(object)
    add = columnar_vocabulary._Sum()
    accumulators = []
    for part in np.array_split(draws, 5):
        accumulator = add.create_accumulator()
        for batch in np.array_split(part, 9):
            accumulator = add.add_input(accumulator, count_tokens(batch))
        accumulators.append(accumulator)
    merged = add.merge_accumulators([add.create_accumulator(), *accumulators[:2], add.compact(accumulators[2])])
    summed = add.extract_output(add.merge_accumulators([merged, *accumulators[3:]]))
    assert dict(zip(*summed.to_pydict().values(), strict=True)) == Counter(draws.tolist())
    assert len(summed) == len(set(draws))
    assert len(add.extract_output(add.merge_accumulators([add.create_accumulator(), add.create_accumulator()]))) == 0


def test_a_sum_is_no_larger_on_its_way_between_workers_than_what_it_holds() -> None:
    tokens = np.array([b"%032d" % number for number in range(200_000)], object)
    add = columnar_vocabulary._Sum()
    summed = add.compact([count_tokens(half) for half in np.split(tokens, 2)])
    assert len(summed[0]) == 200_000
    assert len(pickle.dumps(summed)) < 1.1 * 200_000 * (32 + 8 + 8)


def test_the_most_frequent_come_first_and_of_equals_the_largest() -> None:
    counts = count_tokens(np.array([b"a", b"b", b"\xff", b"b", b"\xff", b"c", b"c", b"c"], object))
    assert prune(counts, 2, None).to_pydict() == {"token": [b"c", b"\xff", b"b"], "count": [3, 2, 2]}
    assert prune(counts, 0, 2).to_pydict() == {"token": [b"c", b"\xff"], "count": [3, 2]}


@pytest.mark.integration
@pytest.mark.parametrize(
    "asked_for",
    [{"store_frequency": False}, {"file_format": "text"}, {"fingerprint_shuffle": True}, {"weights": True}],
)
def test_a_vocabulary_of_another_kind_is_refused(asked_for: dict, tmp_path: Path) -> None:
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec({"x": tf.io.FixedLenFeature([], tf.string)})

    def preprocessed(inputs: dict) -> dict:
        how = {"file_format": "tfrecord_gzip", "store_frequency": True, **asked_for}
        if how.pop("weights", False):
            how["weights"] = tf.ones(tf.shape(inputs["x"]))
        tft.vocabulary(inputs["x"], vocab_filename="names", **how)
        return inputs

    with (
        pytest.raises(RuntimeError) as refused,
        columnar_vocabularies(),
        tft_beam.Context(temp_dir=str(tmp_path)),
    ):
        ([{"x": b"a"}], metadata) | tft_beam.AnalyzeDataset(preprocessed)
    assert isinstance(refused.value.__cause__, NotImplementedError)
    assert "Let preprocessing_fn ask for that" in str(refused.value.__cause__)
