"""The notebook's steps, as they are timed beside the pipeline."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from benchmarks.scale import notebook
from benchmarks.scale.steps import steps_of_json
from tests.benchmarks.made_reviews import reviews


def test_the_notebook_keeps_users_with_three_reviews_by_numbers() -> None:
    reviews = pd.DataFrame({"User": ["b", "a", "b", "c", "b", "c", "c", "a"], "ISBN": list("stuvwxyz")})
    kept = notebook.kept_reviews(reviews)
    assert list(zip(kept.User, kept.ISBN, strict=True)) == [
        ("1", "s"),
        ("1", "u"),
        ("2", "v"),
        ("1", "w"),
        ("2", "x"),
        ("2", "y"),
    ]


@pytest.mark.integration
@pytest.mark.exhaustive
def test_the_notebook_learns_which_books_a_taste_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = reviews(readers=200)
    every.to_csv(tmp_path / "reviews.csv")
    index = tmp_path / "index"
    assert notebook.main(["--data", str(tmp_path / "reviews.csv"), "--out", str(index)]) == 0
    steps = steps_of_json(capsys.readouterr().out.splitlines())
    assert [step.name for step in steps] == ["read_csv", "encode, filter", "vocabularies", "fit", "index", "save"]
    sizes = every.groupby("User").size()
    numbers = [number for number, size in enumerate(sizes) if size >= 3]
    _, books = tf.saved_model.load(str(index))(tf.constant([str(number) for number in numbers]))
    tastes = np.array([[int(book.split()[1]) % 2 for book in row] for row in books.numpy().astype(str)])
    readers = np.array([int(sizes.index[number].split()[1]) % 2 for number in numbers])
    assert (tastes == readers[:, np.newaxis]).mean() > 0.9
