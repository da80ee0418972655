import numpy as np
import pytest

from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Interactions
from trainer.run import check_enough
from trainer.vocabulary import Vocabulary
from transform.errors import DataError


def pairs(*books: int, left_out: int = 0) -> Interactions:
    return Interactions(np.arange(len(books), dtype=np.int32), np.array(books, np.int32), left_out)


VOCABULARY = Vocabulary([b"a", b"b"], np.array([2, 1]))


@pytest.mark.parametrize(
    ("train", "heldout"), [(pairs(), pairs(0)), (pairs(0, 0), pairs(0)), (pairs(0, 1, left_out=9), pairs())]
)
def test_too_little_is_told_with_counts_and_remedy(train: Interactions, heldout: Interactions) -> None:
    with pytest.raises(DataError, match=r"--vocabulary\.min-book-count") as caught:
        check_enough(train, heldout, VOCABULARY)
    assert f"{train.left_out + heldout.left_out:,} were left out" in str(caught.value)


def test_two_books_and_something_to_stop_by_are_enough() -> None:
    check_enough(pairs(0, 1), pairs(1), VOCABULARY)


@pytest.mark.parametrize(
    "field", ["embedding_dim", "batch_size", "learning_rate", "temperature", "max_epochs", "top_k"]
)
def test_hyperparameters_have_bounds(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Hyperparameters(**{field: 0})
