"""Transform's own code, run by TensorFlow Transform on a few interactions."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata

from pipeline.configuration.config import SCHEMA_FILE
from transform.preprocessing import preprocessing_fn
from transform.vocabulary import read_vocabulary
from transform.vocabulary_parameters import VocabularyParameters

pytestmark = pytest.mark.integration

ROWS = [
    {"User": ["u2"], "ISBN": ["zwei\nZeilen"], "RatingOf5": [4.0], "Genres": ["a", "b"]},
    {"User": ["u1"], "ISBN": ["a title, with spaces"], "RatingOf5": [], "Genres": []},
    {"User": ["u1"], "ISBN": ["zwei\nZeilen"], "RatingOf5": [2.5], "Genres": []},
    {"User": ["u1"], "ISBN": ["0007"], "RatingOf5": [1.0], "Genres": ["c"]},
    {"User": ["u3"], "ISBN": ["zwei\nZeilen"], "RatingOf5": [5.0], "Genres": []},
    {"User": ["u2"], "ISBN": ["a title, with spaces"], "RatingOf5": [5.0], "Genres": []},
]


def transformed(folder: Path, **limits: int) -> tuple[list[dict], tft.TFTransformOutput]:
    feature_spec = tft.tf_metadata.schema_utils.schema_as_feature_spec(tfdv.load_schema_text(str(SCHEMA_FILE)))
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(feature_spec.feature_spec)

    def configured(inputs: dict) -> dict:
        return preprocessing_fn(inputs, VocabularyParameters(**limits).model_dump())

    with tft_beam.Context(temp_dir=str(folder / "temp")):
        (rows, _), transform_fn = (ROWS, metadata) | tft_beam.AnalyzeAndTransformDataset(configured)
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    return rows, tft.TFTransformOutput(str(folder / "graph"))


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict], tft.TFTransformOutput]:
    return transformed(tmp_path_factory.mktemp("unlimited"))


def test_ids_fall_with_frequency_and_vocabularies_keep_counts_and_any_text(
    unlimited: tuple[list[dict], tft.TFTransformOutput],
) -> None:
    rows, output = unlimited
    books = read_vocabulary(output.vocabulary_file_by_name("isbn_vocabulary"))
    users = read_vocabulary(output.vocabulary_file_by_name("user_vocabulary"))
    assert (books.tokens, books.counts.tolist()) == ([b"zwei\nZeilen", b"a title, with spaces", b"0007"], [3, 2, 1])
    assert (users.tokens, users.counts.tolist()) == ([b"u1", b"u2", b"u3"], [3, 2, 1])
    assert [int(np.squeeze(row["book_id"])) for row in rows] == [0, 1, 0, 2, 0, 1]
    assert [int(np.squeeze(row["user_id"])) for row in rows] == [1, 0, 0, 0, 2, 1]


def test_a_missing_rating_is_nan(unlimited: tuple[list[dict], tft.TFTransformOutput]) -> None:
    ratings = [float(np.squeeze(row["rating"])) for row in unlimited[0]]
    assert ratings == pytest.approx([4, np.nan, 2.5, 1, 5, 5], nan_ok=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "limits",
    [
        {"min_book_count": 2, "max_users": 2},
        pytest.param({"max_books": 2, "min_user_count": 2}, marks=pytest.mark.exhaustive),
    ],
)
def test_what_the_limits_leave_out_has_no_id(limits: dict, tmp_path: Path) -> None:
    rows, output = transformed(tmp_path, **limits)
    assert [int(np.squeeze(row["book_id"])) for row in rows] == [0, 1, 0, -1, 0, 1]
    assert len(read_vocabulary(output.vocabulary_file_by_name("isbn_vocabulary"))) == 2
    assert [int(np.squeeze(row["user_id"])) for row in rows] == [1, 0, 0, 0, -1, 1]
    assert len(read_vocabulary(output.vocabulary_file_by_name("user_vocabulary"))) == 2
