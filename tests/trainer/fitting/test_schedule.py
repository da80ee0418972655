import pytest

from trainer.fitting.schedule import Schedule, schedule_for, temperatures_for
from trainer.hyperparameters import Hyperparameters


@pytest.mark.parametrize(
    ("readers", "expected"),
    [
        (64, (64, 40)),
        (2_000, (64, 40)),
        (2_001, (128, 20)),
        (20_000, (128, 20)),
        (20_001, (128, 10)),
        (100_000, (128, 10)),
        (100_001, (128, 3)),
        (10_000_000, (128, 3)),
    ],
)
def test_the_number_of_readers_decides(readers: int, expected: tuple[int, int]) -> None:
    assert schedule_for(readers, Hyperparameters()) == Schedule(*expected)


def test_what_is_configured_wins() -> None:
    for readers in (1_000, 50_000, 500_000):
        rule = schedule_for(readers, Hyperparameters())
        assert schedule_for(readers, Hyperparameters(batch_users=100)) == Schedule(100, rule.epochs)
        assert schedule_for(readers, Hyperparameters(max_epochs=7)) == Schedule(rule.batch_users, 7)
        assert schedule_for(readers, Hyperparameters(batch_users=100, max_epochs=3)) == Schedule(100, 3)


def test_a_batch_has_no_more_readers_than_there_are() -> None:
    assert schedule_for(5, Hyperparameters()).batch_users == 5
    assert schedule_for(5, Hyperparameters(batch_users=64)).batch_users == 5
    assert schedule_for(0, Hyperparameters()).batch_users == 1


def test_many_readers_are_trained_with_the_first_temperature_alone() -> None:
    parameters = Hyperparameters(temperatures=(0.2, 0.1))
    assert temperatures_for(10_000, parameters) == (0.2, 0.1)
    assert temperatures_for(10_001, parameters) == (0.2,)
