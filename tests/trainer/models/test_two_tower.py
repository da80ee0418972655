import numpy as np
import pytest
import tensorflow as tf

from data.histories import Histories, Interactions, group_by_user
from trainer.fitting.rowwise_laprop import RowwiseLaProp
from trainer.models.two_tower import INITIAL_RANGE, TwoTowerModel

READ = {0: [0, 1, 2], 1: [1, 3], 2: [5], 3: [0, 3, 4], 4: [], 5: [2, 4]}
COUNTS = np.array([900, 1, 7, 2, 0, 30])  # Book 4 counts as one that was read once.
READERS = 5  # Reader 4 has read nothing.
TEMPERATURE, KEEP_SHARE = 0.2, 0.3
BATCH = [0, 3, 1, 5]
DRAWN = {0: [0.1, 0.9, 0.29], 3: [0.31, 0.5, 0.4], 1: [0.0, 0.2], 5: [0.2, 0.7]}


def histories() -> Histories:
    pairs = [(user, book) for user, books in READ.items() for book in books]
    return group_by_user(Interactions(*np.array(pairs, np.int32).T), len(READ))


def make_model(batch_users: int = 2, seed: int = 1, temperature: float = TEMPERATURE) -> TwoTowerModel:
    model = TwoTowerModel(
        histories(),
        COUNTS,
        embedding_dim=4,
        temperature=temperature,
        batch_users=batch_users,
        keep_share=KEEP_SHARE,
        seed=seed,
    )
    model.compile(optimizer=RowwiseLaProp(0.1, distinct_rows=False))
    return model


def batch(users: list[int]) -> dict[str, tf.Tensor]:
    return {"user_id": tf.constant(users, tf.int32)}


def script(monkeypatch: pytest.MonkeyPatch, drawn: list[float]) -> None:
    monkeypatch.setattr("tensorflow.random.stateless_uniform", lambda shape, seed: tf.constant(drawn, tf.float32))


def slow_loss(model: TwoTowerModel, batch_users: int, temperature: float = TEMPERATURE) -> float:
    """The docstring's formula, reader by reader and book by book."""
    query, candidate = model.query_tower.table().astype(np.float64), model.candidate_tower.table().astype(np.float64)
    candidate /= np.linalg.norm(candidate, axis=1, keepdims=True)
    in_batch = sorted({book for user in BATCH for book in READ[user]})
    total = 0.0
    for user in BATCH:
        kept = [book for book, drawn in zip(READ[user], DRAWN[user], strict=True) if drawn < KEEP_SHARE]
        wanted = [book for book in READ[user] if book not in kept]
        summed = query[kept].sum(axis=0)
        direction = summed / np.linalg.norm(summed) if kept else summed
        logits = {}
        for book in in_batch:
            probability = 1 - (1 - batch_users / READERS) ** max(COUNTS[book], 1)
            correction = 0.0 if book in wanted else np.log(probability)
            if book not in kept:
                logits[book] = direction @ candidate[book] / temperature - correction
        total += sum(np.log(np.sum(np.exp(list(logits.values())))) - logits[book] for book in wanted)
    return total / len(BATCH)


@pytest.mark.parametrize("batch_users", [1, 2, 4])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_loss_is_the_one_in_the_docstring_worked_out_in_numpy(
    batch_users: int, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reader 0 keeps two of three books, reader 3 none, reader 1 all, reader 5 one; book 5 is not in the batch."""
    script(monkeypatch, [drawn for user in BATCH for drawn in DRAWN[user]])
    model = make_model(batch_users, temperature=temperature)
    for tower in (model.query_tower, model.candidate_tower):  # Longer vectors, so that their lengths matter.
        tower.embedding.embeddings.assign(np.random.default_rng(8).normal(size=(6, 4)) * [[1], [2], [3], [4], [5], [6]])
    loss = float(model.compute_loss(batch(BATCH), training=True))
    assert loss == pytest.approx(slow_loss(model, batch_users, temperature), rel=1e-5)


def test_a_book_read_once_among_millions_keeps_its_correction() -> None:
    """Book 1 has the probability 2e-7, of which single precision has nothing left beside 1."""
    users = 10_000_000
    sizes = np.ones(users, np.int32)
    sizes[0] = 2
    everything = Histories(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32), np.zeros(int(sizes.sum()), np.int32)
    )
    everything.books[1] = 1
    model = TwoTowerModel(
        everything,
        np.array([10_000_000, 1]),
        embedding_dim=2,
        temperature=1.0,
        batch_users=2,
        keep_share=1e-9,
        seed=0,
    )
    # Readers 0 and 1 keep nothing, so that the cosines are 0: reader 1's only negative is book 1.
    expected = (2 * np.log(2) + np.log(1 + 1 / 2e-7)) / 2
    assert float(model.compute_loss(batch([0, 1]))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("drawn", [0.0, 0.99])
def test_gradients_stay_finite_when_all_or_no_books_are_kept(drawn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [drawn] * 10)
    model = make_model()
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch(BATCH), training=True)
    for gradient in tape.gradient(
        loss, [model.query_tower.embedding.embeddings, model.candidate_tower.trainable_variables[0]]
    ):
        assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()
    assert (float(loss) == 0) == (drawn < KEEP_SHARE)


def test_another_choice_is_kept_in_each_step_of_the_training_only() -> None:
    model = make_model()
    losses = []
    for step in (0, 1, 2, 1):
        model.optimizer.iterations.assign(step)
        losses.append(float(model.compute_loss(batch(BATCH), training=True)))
        assert float(model.compute_loss(batch(BATCH))) == losses[0]
    assert len(set(losses[:3])) == 3
    assert losses[3] == losses[1]


def test_the_seed_decides_the_initial_vectors_and_the_choice() -> None:
    first, second, other = (make_model(seed=seed) for seed in (1, 1, 5))
    for tower in ("query_tower", "candidate_tower"):
        one, same, different = (getattr(model, tower).table() for model in (first, second, other))
        assert (one == same).all()
        assert (one != different).any()
        assert 0 < np.abs(one).max() <= INITIAL_RANGE
    assert (first.query_tower.table() != first.candidate_tower.table()).any()
    other.set_weights(first.get_weights())
    losses = [float(model.compute_loss(batch(BATCH))) for model in (first, second, other)]
    assert losses[0] == losses[1] != losses[2]


def test_the_towers_score_by_cosine_with_the_normalised_sum_of_the_books_read() -> None:
    model = make_model()
    query, candidate = model.query_tower.table(), model.candidate_tower.table()
    scores = model.towers().scores(histories(), np.array([3, 4, 0], np.int32))
    for row, user in enumerate([3, 4, 0]):
        summed = query[READ[user]].sum(axis=0)
        for book in range(6):
            length = np.linalg.norm(summed) * np.linalg.norm(candidate[book])
            expected = summed @ candidate[book] / length if READ[user] else 0.0
            assert scores[row, book] == pytest.approx(expected, abs=1e-6)
