import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.progress import Advance, watched
from data.histories import Histories, Interactions, group_by_user
from evaluation.ranking import rank
from trainer.fitting.schedule import Schedule
from trainer.fitting.training import Trained, reader_batches, train
from trainer.hyperparameters import Hyperparameters
from trainer.models.towers import BookTowers
from trainer.models.two_tower import TwoTowerModel

USERS, BOOKS, WITHHELD = 80, 60, 3
FAST = Hyperparameters(learning_rate=0.05, seed=3, patience=2)
SCHEDULE = Schedule(16, 12)


def checkerboard() -> tuple[Histories, Histories]:
    """Users read the books of their own parity, of which three are withheld from each."""
    pairs = [(user, book) for user in range(USERS) for book in range(user % 2, BOOKS, 2)]
    withheld = [(user, book) for user, book in pairs if (book // 2 + user) % (BOOKS // 2 // WITHHELD) == 0]
    seen = sorted(set(pairs) - set(withheld))
    left, out = (group_by_user(Interactions(*np.array(some, np.int32).T), USERS) for some in (seen, withheld))
    return left, out


def trained(
    parameters: Hyperparameters = FAST,
    epochs: int | None = None,
    validate: Callable[[BookTowers], float] | None = None,
    log_dir: str | None = None,
    histories: Histories | None = None,
    follower: Histories | None = None,
) -> Trained:
    return train(
        histories or checkerboard()[0],
        BOOKS,
        parameters,
        SCHEDULE,
        embedding_dim=8,
        temperature=0.1,
        epochs=epochs,
        validate=validate,
        follower=follower,
        log_dir=log_dir,
    )


def same(first: BookTowers, second: BookTowers) -> bool:
    return all((one == other).all() for one, other in zip(first[:2], second[:2], strict=True))


@pytest.mark.integration
def test_it_learns_a_checkerboard() -> None:
    """The three books of the own colour that are left come first, of 33: by chance one reader in 5,000 has them so."""
    training, heldout = checkerboard()
    towers = trained().towers
    users = np.arange(USERS, dtype=np.int32)
    rankings = rank(lambda block: towers.scores(training, block), users, training, heldout, BOOKS, WITHHELD)
    assert rankings.relevant.tolist() == [WITHHELD] * USERS
    assert rankings.hits.all(axis=1).mean() >= 0.99


@pytest.mark.integration
def test_the_same_seed_gives_the_same_towers_bit_for_bit_and_another_one_others() -> None:
    first, second = trained(epochs=2), trained(epochs=2)
    assert same(first.towers, second.towers)
    assert [epoch["loss"] for epoch in first.epochs] == [epoch["loss"] for epoch in second.epochs]
    other = trained(FAST.model_copy(update={"seed": 4}), epochs=2)
    assert (first.towers.query_table != other.towers.query_table).any()
    assert (first.towers.candidate_table != other.towers.candidate_table).any()


@pytest.mark.integration
def test_a_step_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the loop that does several steps at once traces what is in it twice."""
    traced, loss = [], TwoTowerModel.compute_loss

    def counted(self: TwoTowerModel, *arguments: object, **options: object) -> object:
        traced.append(self)
        return loss(self, *arguments, **options)

    monkeypatch.setattr(TwoTowerModel, "compute_loss", counted)
    trained(epochs=2)
    assert len(traced) == 1


@pytest.mark.integration
def test_it_stops_after_patience_and_keeps_the_towers_of_the_best_epoch() -> None:
    """Of the epochs that find the same, the last one."""
    heard, seen = iter([0.1, 0.3, 0.3, 0.2, 0.29, 0.9]), []

    def validate(towers: BookTowers) -> float:
        seen.append(towers)
        return next(heard)

    result = trained(validate=validate)
    assert result.best_epoch == 3
    assert [epoch["epoch"] for epoch in result.epochs] == [1, 2, 3, 4, 5]
    assert [epoch["recall_at_20"] for epoch in result.epochs] == [0.1, 0.3, 0.3, 0.2, 0.29]
    assert same(result.towers, seen[2])
    assert not same(seen[1], seen[2])


@pytest.mark.integration
def test_it_goes_on_to_the_last_epoch_while_it_gets_better() -> None:
    heard = iter(range(100))
    result = trained(validate=lambda _: float(next(heard)))
    assert (result.best_epoch, len(result.epochs)) == (12, 12)


@pytest.mark.integration
def test_stopping_early_gives_what_the_whole_schedule_had_by_then() -> None:
    """What validation found after two epochs is what two epochs give again: the learning rate falls over all twelve."""
    heard, seen = iter([0.1, 0.3, 0.2, 0.2]), []

    def validate(towers: BookTowers) -> float:
        seen.append(towers)
        return next(heard)

    best = trained(validate=validate)
    again = trained(epochs=2)
    assert same(best.towers, again.towers)
    assert (again.best_epoch, len(again.epochs)) == (2, 2)
    assert "recall_at_20" not in again.epochs[0]


EARLY, LAST = [0.1, 0.3, 0.2, 0.2], [float(epoch) for epoch in range(12)]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("recalls", "other"),
    [
        (EARLY, 1),
        pytest.param(LAST, 0, marks=pytest.mark.exhaustive),
        pytest.param(EARLY, 0, marks=pytest.mark.exhaustive),
        pytest.param(LAST, 1, marks=pytest.mark.exhaustive),
    ],
)
def test_a_follower_gets_the_towers_that_as_many_epochs_give_alone(recalls: list[float], other: int) -> None:
    """Where validation stops after four epochs, and where the last epoch is the best."""
    followed = checkerboard()[other]
    heard = iter(recalls)
    led = trained(validate=lambda _: next(heard), follower=followed)
    assert led.best_epoch == (2 if len(recalls) == 4 else 12)
    assert same(led.follower, trained(epochs=led.best_epoch, histories=followed).towers)
    assert same(led.follower, led.towers) == (other == 0)


@pytest.mark.integration
def test_a_failure_of_the_leading_fit_ends_the_one_that_follows() -> None:
    """Long before the ten thousand epochs that it would have."""
    before = threading.active_count()
    heard = iter([0.1])
    with pytest.raises(StopIteration):
        train(
            checkerboard()[0],
            BOOKS,
            FAST,
            Schedule(16, 10_000),
            embedding_dim=8,
            temperature=0.1,
            validate=lambda _: next(heard),
            follower=checkerboard()[1],
        )
    assert threading.active_count() <= before


@pytest.mark.integration
def test_a_failure_of_the_one_that_follows_is_told() -> None:
    broken = Histories(np.array([0, 2], np.int32), np.array([0, BOOKS], np.int32))
    with pytest.raises(ValueError, match="negative"):
        trained(validate=lambda _: 0.5, follower=broken._replace(books=np.array([0, -1], np.int32)))


@pytest.mark.integration
def test_the_learning_rate_falls_to_a_twentieth_in_a_straight_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.fitting import training

    rates = []
    real = training.RowwiseLaProp
    monkeypatch.setattr(training, "RowwiseLaProp", lambda rate, **k: rates.append(rate) or real(rate, **k))
    trained(epochs=1)
    steps = 12 * USERS // 16
    found = [float(rates[0](step)) for step in (0, steps // 2, steps)]
    assert found == pytest.approx([0.05, 0.05 * (1 + 1 / 20) / 2, 0.05 / 20])


@pytest.mark.integration
def test_tensorboard_finds_loss_and_recall(tmp_path: Path) -> None:
    trained(epochs=2, validate=lambda _: 0.5, log_dir=str(tmp_path))
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    assert {"epoch_loss", "epoch_recall_at_20"} <= set(events.Tags()["tensors"])
    assert len(events.Tensors("epoch_loss")) == 2


@pytest.mark.integration
def test_who_watches_sees_each_epoch() -> None:
    heard: list[Advance] = []
    with watched(heard.append):
        trained(epochs=3)
    assert [(told.by, told.total, told.unit) for told in heard if told.by] == [(1, 3, "epochs")] * 3
    assert heard[0].begins
    assert heard[-1].over


def test_an_epoch_has_each_reader_of_two_books_or_more_at_most_once_in_a_new_order() -> None:
    sizes = [2, 1, 0, 3, 2, 5, 1, 2, 2, 4, 2, 2, 0]  # nine readers count
    histories = Histories(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32), np.zeros(sum(sizes), np.int32))
    batches = reader_batches(histories, 4, seed=0, epochs=30)
    rows = [batch["user_id"].numpy().tolist() for batch in batches]
    assert len(batches) == len(rows) == 60
    assert {len(row) for row in rows} == {4}
    epochs = [first + second for first, second in zip(rows[::2], rows[1::2], strict=True)]
    assert {len(set(epoch)) for epoch in epochs} == {8}
    assert epochs[0] != epochs[1]
    assert {user for epoch in epochs for user in epoch} == {user for user, size in enumerate(sizes) if size >= 2}


def test_the_seed_decides_the_order_of_the_readers() -> None:
    orders = [
        [batch["user_id"].numpy().tolist() for batch in reader_batches(checkerboard()[0], 80, seed, epochs=2)]
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_a_batch_is_never_larger_than_the_data() -> None:
    histories = Histories(np.array([0, 2, 4, 6], np.int32), np.zeros(6, np.int32))
    [batch] = reader_batches(histories, 512, seed=0, epochs=1)
    assert sorted(batch["user_id"].numpy()) == [0, 1, 2]


@pytest.mark.integration
def test_the_loss_of_an_epoch_is_the_mean_of_its_batches_not_the_last_one() -> None:
    """With a learning rate next to nothing, the batches of the epoch can be asked for their loss again."""
    still = FAST.model_copy(update={"learning_rate": 1e-12})
    histories = checkerboard()[0]
    batches = list(reader_batches(histories, 16, still.seed, epochs=1))
    model = TwoTowerModel(
        histories,
        np.bincount(histories.books),
        embedding_dim=8,
        temperature=0.1,
        batch_users=16,
        keep_share=still.keep_share,
        seed=still.seed,
    )
    model.compile(optimizer="sgd")
    losses = []
    for step in range(len(batches)):
        model.optimizer.iterations.assign(step)
        losses.append(float(model.compute_loss(batches[step], training=True)))
    assert len(losses) == 5
    assert abs(losses[-1] - np.mean(losses)) > 1e-3
    assert trained(still, epochs=1).epochs[0]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
