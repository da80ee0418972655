from pathlib import Path

import numpy as np
import pytest

from trainer.evaluation import evaluate
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Interactions, group_by_user
from trainer.training import RetrievalEarlyStopping, ShuffledBatches, fit
from trainer.two_tower_model import MEAN_LOSS, TwoTowerModel

FAST = Hyperparameters(embedding_dim=8, batch_size=64, max_epochs=12, learning_rate=0.05, seed=3)


USERS, BOOKS, WITHHELD = 80, 60, 3


def checkerboard() -> tuple[Interactions, Interactions]:
    """Users read the books of their own parity, of which three are withheld from each."""
    pairs = [(user, book) for user in range(USERS) for book in range(user % 2, BOOKS, 2)]
    withheld = [(user, book) for user, book in pairs if (book // 2 + user) % (BOOKS // 2 // WITHHELD) == 0]
    seen = [pair for pair in pairs if pair not in set(withheld)]
    return tuple(Interactions(*np.array(some, np.int32).T) for some in (seen, withheld))  # type: ignore[return-value]


def trained(folder: Path, parameters: Hyperparameters = FAST):
    seen, withheld = checkerboard()
    training, heldout = group_by_user(seen, USERS), group_by_user(withheld, USERS)
    model = TwoTowerModel(
        training,
        np.bincount(seen.books),
        embedding_dim=parameters.embedding_dim,
        temperature=parameters.temperature,
        seed=parameters.seed,
    )
    return model, fit(model, seen, training, heldout, parameters, str(folder)), training, heldout


def test_it_learns_a_checkerboard(tmp_path: Path) -> None:
    """The three books of the own colour that are left come first, of 33: by chance recall would be 0.09."""
    model, _, training, heldout = trained(tmp_path)
    measured = evaluate(model.scores, np.arange(USERS, dtype=np.int32), training, heldout, WITHHELD)
    assert measured[f"recall_at_{WITHHELD}"] > 0.95


def test_the_same_seed_gives_the_same_model_bit_for_bit(tmp_path: Path) -> None:
    first, second = (trained(tmp_path / name)[0].get_weights() for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert (one == other).all()


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    other_seed = FAST.model_copy(update={"seed": 4})
    assert (
        trained(tmp_path / "a")[0].get_weights()[0] != trained(tmp_path / "b", other_seed)[0].get_weights()[0]
    ).any()


class ScriptedStopping(RetrievalEarlyStopping):
    """Hears a given score for each epoch instead of a measured one."""

    def hear(self, monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> None:
        heard = iter(scores)
        monkeypatch.setattr("trainer.training.evaluate", lambda *_: {"recall_at_20": next(heard)})


def test_it_stops_after_patience_and_restores_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = checkerboard()
    training = group_by_user(seen, USERS)
    model = TwoTowerModel(training, np.bincount(seen.books), embedding_dim=4, temperature=0.1, seed=0)
    watch = ScriptedStopping(np.arange(3, dtype=np.int32), training, training, 64, max_epochs=9, patience=2)
    watch.hear(monkeypatch, [0.1, 0.3, 0.2, 0.3, 0.9])
    watch.set_model(model)
    remembered = []
    for epoch in range(5):
        model.set_weights([np.full_like(weight, epoch) for weight in model.get_weights()])
        remembered.append(epoch)
        watch.on_epoch_begin(epoch)
        watch.on_epoch_end(epoch, {MEAN_LOSS: 64.0})
        if model.stop_training:
            break
    watch.on_train_end()
    assert remembered == [0, 1, 2, 3]
    assert watch.best_epoch == 2
    assert all((weight == 1).all() for weight in model.get_weights())
    assert [epoch["loss"] for epoch in watch.epochs] == [1.0] * 4


def test_tensorboard_finds_loss_and_recall(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained(tmp_path)
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    assert {"epoch_loss", "epoch_recall_at_20"} <= set(events.Tags()["tensors"])


def test_an_epoch_has_each_interaction_at_most_once_in_a_new_order() -> None:
    interactions = Interactions(np.arange(10, dtype=np.int32), np.arange(10, dtype=np.int32) + 100)
    batches = ShuffledBatches(interactions, 4, seed=0)
    epochs = []
    for _ in range(2):
        rows = [batches[index] for index in range(len(batches))]
        users = np.concatenate([row["user_id"] for row in rows])
        assert len(users) == len(set(users.tolist())) == 8
        assert (np.concatenate([row["book_id"] for row in rows]) == users + 100).all()
        epochs.append(users.tolist())
        batches.on_epoch_end()
    assert epochs[0] != epochs[1]


def test_a_batch_is_never_larger_than_the_data() -> None:
    interactions = Interactions(np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32))
    batches = ShuffledBatches(interactions, 512, seed=0)
    assert (batches.batch_size, len(batches)) == (3, 1)


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches_not_the_last_one(tmp_path: Path) -> None:
    """With a learning rate next to nothing, the batches of the epoch can be asked for their loss again."""
    seen, withheld = checkerboard()
    training = group_by_user(seen, USERS)
    still = FAST.model_copy(update={"learning_rate": 1e-12, "max_epochs": 1})
    model = TwoTowerModel(training, np.bincount(seen.books), embedding_dim=4, temperature=0.1, seed=0)
    watch = fit(model, seen, training, group_by_user(withheld, USERS), still, str(tmp_path))
    batches = ShuffledBatches(seen, still.batch_size, still.seed)
    losses = [float(model.compute_loss(batches[index])) / batches.batch_size for index in range(len(batches))]
    assert abs(losses[-1] - np.mean(losses)) > 1e-3
    assert watch.epochs[0]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
