"""What of the training follows from the data, where the configuration leaves it open.

A step costs readers x different books of theirs, and a reader's books are learned from once an epoch: few readers need
small batches and many epochs, many readers the reverse. The numbers were measured from a thousand readers to half a
million: see docs/recommendation-quality.md.
"""

from typing import Final, NamedTuple

from trainer.devices import has_accelerator
from trainer.hyperparameters import Hyperparameters


class Schedule(NamedTuple):
    """How long the towers are trained, and in which portions."""

    batch_users: int
    epochs: int


# Up to how many readers which schedule is used.
SCHEDULES: Final = ((2_000, Schedule(64, 40)), (20_000, Schedule(128, 20)), (100_000, Schedule(128, 10)))
MANY_READERS: Final = Schedule(128, 3)


# Up to how many readers more than one temperature is tried: beyond, a trial takes minutes, and the data are sparse, for
# which the first was always the best.
MOST_READERS_FOR_TRIALS: Final = 10_000


def temperatures_for(readers: int, parameters: Hyperparameters) -> tuple[float, ...]:
    """Returns the temperatures that are tried for a number of readers with training books."""
    return parameters.temperatures if readers <= MOST_READERS_FOR_TRIALS else parameters.temperatures[:1]


def begins_ahead(readers: int, parameters: Hyperparameters) -> bool:
    """Returns whether the fit on everything begins while its recipe is chosen.

    It does where it is clear how to train, by the one temperature or not at all, and where processors train: two fits
    fill them, while an accelerator is filled by one.
    """
    temperatures = temperatures_for(readers, parameters) if "trained" in parameters.parts else ()
    return len(temperatures) <= 1 and not has_accelerator()


def schedule_for(readers: int, parameters: Hyperparameters) -> Schedule:
    """Returns the schedule for a number of readers with training books; what `parameters` sets wins."""
    rule = next((schedule for most, schedule in SCHEDULES if readers <= most), MANY_READERS)
    return Schedule(
        min(parameters.batch_users or rule.batch_users, max(readers, 1)), parameters.max_epochs or rule.epochs
    )
