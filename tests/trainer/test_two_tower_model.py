import numpy as np
import pytest
import tensorflow as tf

from trainer.interactions import Histories, Interactions, group_by_user
from trainer.two_tower_model import TwoTowerModel


def random_histories(random: np.random.Generator, users: int, books: int) -> tuple[np.ndarray, Histories]:
    read = random.random((users, books)) < 0.3
    return read, group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), users)


def make_model(histories: Histories, counts: np.ndarray, temperature: float = 0.2, dim: int = 4) -> TwoTowerModel:
    return TwoTowerModel(histories, counts, embedding_dim=dim, temperature=temperature, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_mask_leaves_out_known_books_but_for_the_diagonal(seed: int) -> None:
    random = np.random.default_rng(seed)
    read, histories = random_histories(random, 12, 9)
    users, books = np.nonzero(read)
    rows = random.integers(len(users), size=16)  # books and users repeat
    batch_users, batch_books = users[rows].astype(np.int32), books[rows].astype(np.int32)
    mask = (
        make_model(histories, read.sum(axis=0)).score_mask(tf.constant(batch_users), tf.constant(batch_books)).numpy()
    )
    for i in range(16):
        for j in range(16):
            assert mask[i, j] == (i == j or not read[batch_users[i], batch_books[j]])


def test_the_loss_is_the_one_in_the_docstring_worked_out_in_numpy() -> None:
    """Rows 0 and 2 are about one book; user 0 has read book 2, which is therefore no negative for row 0."""
    users, books = np.array([0, 1, 2, 3]), np.array([1, 2, 1, 0])
    known = Interactions(np.array([0, 0, 1, 2, 3], np.int32), np.array([1, 2, 2, 1, 0], np.int32))
    counts = np.array([1, 2, 2])
    model = make_model(group_by_user(known, 4), counts)
    queries, candidates = model.query_tower.vectors().numpy(), model.candidate_tower.vectors().numpy()
    assert np.linalg.norm(queries, axis=1) == pytest.approx(np.ones(4))
    loss = 0.0
    for row, (user, book) in enumerate(zip(users, books, strict=True)):
        logits = []
        for column, other in enumerate(books):
            is_known = ((known.users == user) & (known.books == other)).any()
            if column == row or not is_known:
                logits.append(queries[user] @ candidates[other] / 0.2 - np.log(counts[other] / counts.sum()))
        own = queries[user] @ candidates[book] / 0.2 - np.log(counts[book] / counts.sum())
        loss -= own - np.log(np.exp(logits).sum())
    batch = {"user_id": tf.constant(users, tf.int32), "book_id": tf.constant(books, tf.int32)}
    assert model.compute_loss(batch).numpy() == pytest.approx(loss, rel=1e-5)


def test_scores_are_cosines() -> None:
    _, histories = random_histories(np.random.default_rng(0), 6, 5)
    model = make_model(histories, np.ones(5, np.int64))
    scores = model.scores(np.array([4, 1], np.int32)).numpy()
    assert scores.shape == (2, 5)
    assert np.abs(scores).max() <= 1 + 1e-6
    expected = model.query_tower.vectors().numpy()[[4, 1]] @ model.candidate_tower.vectors().numpy().T
    assert scores == pytest.approx(expected)


def test_the_seed_decides_the_initial_vectors() -> None:
    _, histories = random_histories(np.random.default_rng(0), 6, 5)
    first, second = (make_model(histories, np.ones(5, np.int64)).get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one == other).all()


def test_a_book_read_once_in_many_millions_is_corrected_by_its_own_count() -> None:
    """TFRS takes any probability below 1e-6 for 1e-6; the correction must not stop there."""
    read = Interactions(np.array([0, 1], np.int32), np.array([0, 1], np.int32))
    counts = np.array([900_000, 1, 900_000, 900_000])
    model = make_model(group_by_user(read, 2), counts)
    cosines = model.scores(np.array([0, 1], np.int32)).numpy()[:, :2]
    logits = cosines / 0.2 - np.log(counts[:2] / counts.sum())
    loss = sum(np.log(np.exp(logits[row]).sum()) - logits[row, row] for row in range(2))
    batch = {"user_id": tf.constant([0, 1]), "book_id": tf.constant([0, 1])}
    assert model.compute_loss(batch).numpy() == pytest.approx(loss, rel=1e-5)
