"""Training settings that follow from the number of users, unless the configuration sets them.

The cost of a step is users x their distinct books, and an epoch learns once from each user's books. So few users need
small batches and many epochs, many users the reverse. The numbers were measured with a thousand to half a million
users: see docs/recommendation-quality.md.
"""

from typing import Final, NamedTuple

from trainer.fitting.devices import has_accelerator
from trainer.hyperparameters import Hyperparameters


class Schedule(NamedTuple):
    """Users per batch, and number of epochs, of the towers' training."""

    batch_users: int
    epochs: int


# Maximum number of users, and the schedule up to it.
SCHEDULES: Final = ((2_000, Schedule(64, 40)), (20_000, Schedule(128, 20)), (100_000, Schedule(128, 10)))
MANY_READERS: Final = Schedule(128, 3)


# Maximum number of users for which more than one temperature is tried. Beyond it a trial takes minutes, and the data
# are sparse; on sparse data, the first temperature was always the best.
MOST_READERS_FOR_TRIALS: Final = 10_000


def temperatures_for(readers: int, parameters: Hyperparameters) -> tuple[float, ...]:
    """Returns the temperatures to try for a number of users with training books."""
    return parameters.temperatures if readers <= MOST_READERS_FOR_TRIALS else parameters.temperatures[:1]


def begins_ahead(readers: int, parameters: Hyperparameters) -> bool:
    """Returns True if the fit on all interactions begins during model selection.

    It does if there is at most one temperature to try, and if processors train. Then the towers' training needs no
    selection, and two fits fill the processors; one fit fills an accelerator.
    """
    temperatures = temperatures_for(readers, parameters) if "trained" in parameters.parts else ()
    return len(temperatures) <= 1 and not has_accelerator()


def schedule_for(readers: int, parameters: Hyperparameters) -> Schedule:
    """Returns the schedule for a number of users with training books; values set in `parameters` take precedence."""
    rule = next((schedule for most, schedule in SCHEDULES if readers <= most), MANY_READERS)
    return Schedule(
        min(parameters.batch_users or rule.batch_users, max(readers, 1)), parameters.max_epochs or rule.epochs
    )
