import numpy as np
import pytest
from scipy import sparse

from components.evaluation.holdout_scorer import HoldoutScorer
from data.histories import Histories, Interactions, group_by_user
from trainer.export.holdout_model import HoldoutModel
from trainer.models.towers import BookTowers

TWINS_BOOKS = [b"a", b"b", b"c", b"d", b"gone"]
TODAY = [b"new", b"d", b"b", b"newer", b"a", b"c"]
NEW = [0, 3]


def make_holdout_model(sparse_part: bool = True) -> HoldoutModel:
    query, candidate = np.random.default_rng(0).normal(size=(2, len(TWINS_BOOKS), 5)).astype(np.float32)
    near = np.random.default_rng(1).random((len(TWINS_BOOKS),) * 2).astype(np.float32)
    neighbours = sparse.csr_matrix(np.where(near < 0.5, near, 0)) if sparse_part else None
    return HoldoutModel(BookTowers(query, candidate, neighbours), TWINS_BOOKS, np.zeros(0, np.uint32))


def histories(books: list[bytes], read: list[list[bytes]]) -> Histories:
    pairs = [(user, books.index(book)) for user, names in enumerate(read) for book in names]
    return group_by_user(Interactions(*np.array(pairs, np.int32).T), len(read))


def scores(read: list[list[bytes]], sparse_part: bool = True) -> np.ndarray:
    model = HoldoutScorer(make_holdout_model(sparse_part), TODAY, histories(TODAY, read))
    return model.scores(np.arange(len(read), dtype=np.int32))


@pytest.mark.parametrize("sparse_part", [False, True])
def test_the_scores_are_the_twins_own_in_todays_ids(sparse_part: bool) -> None:
    read = [[b"a", b"c"], [b"d"], [b"b", b"d", b"a"]]
    own = make_holdout_model(sparse_part).towers.scores(histories(TWINS_BOOKS, read), np.arange(3, dtype=np.int32))
    found = scores(read, sparse_part)
    assert found.shape == (3, 6)
    for column, book in enumerate(TODAY):
        if column not in NEW:
            assert found[:, column] == pytest.approx(own[:, TWINS_BOOKS.index(book)], abs=1e-6)


def test_books_that_the_twin_does_not_know_are_never_recommended_and_add_nothing() -> None:
    found = scores([[b"new", b"a", b"newer"], [b"a"], [b"new"]])
    assert np.isneginf(found[:, NEW]).all()
    known = np.delete(found, NEW, axis=1)
    assert (known[0] == known[1]).all()
    assert (known[2] == 0).all()
    assert np.abs(known[1]).min() > 0


def test_it_tells_which_books_it_knows() -> None:
    model = HoldoutScorer(make_holdout_model(), TODAY, histories(TODAY, [[b"a"]]))
    assert model.known.tolist() == [False, True, True, False, True, True]


def test_readers_are_asked_about_in_any_order() -> None:
    read = [[b"a", b"c"], [b"d"], [b"b"]]
    model = HoldoutScorer(make_holdout_model(), TODAY, histories(TODAY, read))
    assert model.scores(np.array([2, 0], np.int32)) == pytest.approx(scores(read)[[2, 0]])
