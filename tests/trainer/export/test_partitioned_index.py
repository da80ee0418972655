"""The index in cells, beside the exact one; and exported, in a process of its own."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from components.evaluation.index_recall import index_recall
from data.histories import Histories, Interactions, group_by_user
from evaluation.ranking import rank
from trainer.export.exact_index import ExactIndex
from trainer.export.holdout_model import HoldoutModel
from trainer.export.index import make_index
from trainer.export.partitioned_index import PartitionedIndex
from trainer.export.quantised_table import stored
from trainer.export.saved_model import export
from trainer.hyperparameters import Hyperparameters
from trainer.models.popularity import popularity_for_strangers
from trainer.models.towers import BookTowers
from transform.features import FILLER_SCORE
from transform.vocabulary import Vocabulary

BOOKS, DIM, TASTES = 3_000, 16, 30
RANDOM = np.random.default_rng(11)
TASTE = RANDOM.integers(0, TASTES, BOOKS)
CENTRES = RANDOM.standard_normal((TASTES, DIM))
# Of different lengths, as of books of different popularity.
STORED = stored(
    ((CENTRES[TASTE] + 0.4 * RANDOM.standard_normal((BOOKS, DIM))) * RANDOM.uniform(0.5, 1, (BOOKS, 1))).astype(
        np.float32
    )
)
TABLE = STORED.restored()
READERS = (CENTRES[RANDOM.integers(0, TASTES, 40)] + 0.4 * RANDOM.standard_normal((40, DIM))).astype(np.float32)
NO_ONE = np.zeros((0, 2), np.int64)


def index(probed_cells: int) -> PartitionedIndex:
    return PartitionedIndex(STORED, cells=60, probed_cells=probed_cells, seed=1)


def test_all_cells_probed_score_as_the_exact_index_does() -> None:
    every = index(60)
    scores = every.scores(READERS).numpy()
    assert scores[:, :BOOKS] == pytest.approx(ExactIndex(STORED).scores(READERS).numpy()[:, :BOOKS], abs=1e-4)
    assert np.isneginf(scores[:, BOOKS:]).all()


def test_few_cells_probed_find_most_of_the_best_books_and_score_them_exactly() -> None:
    some = index(6)
    scores = some.scores(READERS).numpy()[:, :BOOKS]
    exact = READERS @ TABLE.T
    scored = np.isfinite(scores)
    best = np.argsort(-exact, axis=1)[:, :20]
    assert scored.mean() < 0.2
    assert np.take_along_axis(scored, best, axis=1).mean() > 0.95
    assert scores[scored] == pytest.approx(exact[scored], abs=1e-4)


def test_named_books_are_scored_wherever_they_stand() -> None:
    near = np.array([[0, 5], [0, 2_999], [0, 5], [39, 17]], np.int64)
    one = index(1)
    alone, beside = (one.scores(READERS, near).numpy()[:, :BOOKS] for near in (NO_ONE, near))
    for row, book in near:
        assert beside[row, book] == pytest.approx(READERS[row] @ TABLE[book], abs=1e-4)
        alone[row, book] = beside[row, book]
    assert (alone == beside).all()


def test_a_row_is_answered_as_it_is_alone_and_no_rows_get_none() -> None:
    probed = index(5)
    together = probed.scores(READERS).numpy()
    assert together[[7]] == pytest.approx(probed.scores(READERS[7:8]).numpy(), abs=1e-4)
    assert probed.scores(READERS[:0]).shape == probed.scores(READERS[:0], NO_ONE).shape == (0, probed.width)


def test_vectors_are_those_given() -> None:
    assert index(1).vectors([2_999, 0, 5]).numpy().tolist() == TABLE[[2_999, 0, 5]].tolist()


def test_what_is_not_configured_follows_from_the_number_of_books() -> None:
    assert isinstance(make_index(STORED, Hyperparameters()), ExactIndex)
    partitioned = make_index(STORED, Hyperparameters(index="partitioned", probed_cells=1))
    assert isinstance(partitioned, PartitionedIndex)
    assert partitioned.scores(READERS).shape[1] == partitioned.width


def histories() -> Histories:
    readers = np.repeat(np.arange(40), 12)
    books = np.concatenate([RANDOM.choice(np.flatnonzero(reader % TASTES == TASTE), 12, False) for reader in range(40)])
    return group_by_user(Interactions(readers.astype(np.int32), books.astype(np.int32)), 40)


READ = histories()
NEIGHBOURS = sparse.random(BOOKS, BOOKS, 0.003, "csr", np.float32, rng=np.random.default_rng(1))
TOWERS = BookTowers(TABLE, TABLE, NEIGHBOURS)


@pytest.mark.parametrize("towers", [TOWERS, TOWERS._replace(neighbours=None)], ids=["with-sparse-part", "dense"])
def test_index_recall_is_the_share_of_the_best_books_that_are_scored(towers: BookTowers) -> None:
    users = np.arange(40, dtype=np.int32)
    rankings = rank(lambda users: towers.scores(READ, users), users, READ, READ, BOOKS, 50)
    recalls = [index_recall(index(probed), towers, READ, rankings).mean() for probed in (1, 6, 60)]
    assert recalls[0] < recalls[1] < recalls[2] == 1
    if towers.neighbours is None:
        vectors = np.add.reduceat(TABLE[READ.books], READ.row_splits[:-1])
        one = index(1)
        scored = np.isfinite(one.scores(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).numpy())
        assert recalls[0] == pytest.approx(np.take_along_axis(scored, rankings.books, axis=1).mean())


QUESTIONS = """
import json, sys
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
users = tf.constant(["reader 0", "reader 7", "nobody"])
k = tf.constant([20, 3_050, 5])
answer = signatures["recommend"](user_id=users, exclude=tf.constant([["book 1"], [""], [""]]), k=k)
similar = signatures["similar_books"](isbn=tf.constant(["book 3", "unheard of"]), k=tf.constant([10, 10]))
names = lambda found: [[isbn.decode() for isbn in row] for row in found["isbn"].numpy()]
scores = [[str(score) for score in row] for row in answer["score"].numpy()]
print(json.dumps({"isbn": names(answer), "score": scores, "similar": names(similar)}))
"""


@pytest.mark.exhaustive
def test_an_exported_model_with_cells_keeps_the_promises_in_a_process_of_its_own(tmp_path) -> None:
    books = [f"book {number}".encode() for number in range(BOOKS)]
    export(
        TOWERS,
        HoldoutModel(TOWERS, books, np.zeros(0, np.uint32)),
        Vocabulary([f"reader {number}".encode() for number in range(40)], np.ones(40, np.int64)),
        Vocabulary(books, np.arange(BOOKS)[::-1]),
        READ,
        Hyperparameters(index="partitioned", cells=60, probed_cells=6),
        {},
        str(tmp_path / "model"),
    )
    command = [sys.executable, "-c", QUESTIONS, str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    exact = TOWERS.scores(READ, np.array([0, 7], np.int32))
    for row, reader in enumerate((0, 7)):
        read = READ.books[READ.row_splits[reader] : READ.row_splits[reader + 1]]
        exact[row, read] = -np.inf
    exact[0, 1] = -np.inf
    for row, k in ((0, 20), (1, 3_050)):
        isbn, score = found["isbn"][row], np.array(found["score"][row], np.float32)
        named = [int(name.removeprefix("book ")) for name in isbn if name]
        assert len(named) == len(set(named)) <= k
        assert len(named) >= min(k, 100)
        assert isbn == [f"book {book}" for book in named] + [""] * (len(isbn) - len(named))
        assert (score[len(named) :] == FILLER_SCORE).all()
        assert score[: len(named)] == pytest.approx(exact[row, named], abs=1e-3)
        assert (np.diff(score[: len(named)]) <= 0).all()
        best = np.argsort(-exact[row])[:20]
        assert len(np.intersect1d(named[:20], best)) >= 18
    popular = np.argsort(-popularity_for_strangers(READ, BOOKS), kind="stable")
    assert found["isbn"][2][:5] == [f"book {book}" for book in popular[:5]]
    assert len(set(found["similar"][0])) == 10
    assert "book 3" not in found["similar"][0]
    assert set(found["similar"][1]) == {""}
