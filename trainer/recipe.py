"""The recipe of a model: chosen once on validation, then fitted as often as it is needed, on more and more of the data.

Recall@20 of some readers' withheld training books decides the temperature, the epochs, the closed form's two settings
and how much of it is blended in. The hold-out that the model is judged by takes no part in that.
"""

from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np

from trainer import closed_form
from trainer.book_towers import BookTowers, joined_towers
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, Ids, as_matrix, withheld
from trainer.ranking import mean_recall
from trainer.schedule import Schedule, schedule_for
from trainer.training import K, Trained, train
from transform.progress import tell

WITHHELD_SHARE: Final = 0.2
BLEND_WEIGHTS: Final = (0.15, 0.3, 0.5, 1.0, 2.0, 4.0)

# Readers by whose scores the two parts of a blend are brought to one scale.
SCALE_USERS: Final = 1_000


class Recipe(NamedTuple):
    """How towers are fitted."""

    temperature: float
    schedule: Schedule
    epochs: int
    """When the training stops, of the schedule's epochs."""

    closed_form_weight: float
    """In standard deviations of the trained towers' scores; 0: the closed form takes no part."""

    popularity_damping: float
    shrinkage: float


class Choice(NamedTuple):
    """What was chosen, and what was seen on the way."""

    recipe: Recipe
    validation: dict[str, Any]


def choose(histories: Histories, books: int, parameters: Hyperparameters, log_dir: str) -> Choice:
    """Chooses a recipe on validation.

    Args:
      histories: every reader's training books.
      books: how many books there are.
      parameters: what may be chosen from.
      log_dir: where TensorBoard finds the logs.
    """
    sizes = histories.sizes()
    candidates = np.flatnonzero(sizes >= 3).astype(np.int32)
    schedule = schedule_for(int(np.count_nonzero(sizes >= 2)), parameters)
    if len(candidates) == 0:
        tell("no reader has the three training books that validation needs: the defaults are taken")
        return Choice(Recipe(parameters.temperatures[0], schedule, schedule.epochs, 0.0, 0.0, 1.0), {})
    random = np.random.default_rng(parameters.seed)
    most = parameters.max_validation_users
    users = candidates if len(candidates) <= most else np.sort(random.choice(candidates, most, replace=False))
    left, out = withheld(histories, users, WITHHELD_SHARE, parameters.seed)

    def validate(towers: BookTowers) -> float:
        return mean_recall(lambda block: towers.scores(left, block), users, left, out, K)

    closed = _choose_closed_form(left, books, parameters, validate) if parameters.closed_form else None
    width = _trained_width(parameters, blended=closed is not None)
    trials: list[dict[str, Any]] = []
    best: tuple[float, Recipe] | None = None
    for temperature in parameters.temperatures:
        tell(f"temperature {temperature:g}")
        trained = train(
            left,
            books,
            parameters,
            schedule,
            embedding_dim=width,
            temperature=temperature,
            validate=validate,
            log_dir=f"{log_dir}/temperature-{temperature:g}",
        )
        recalls = {0.0: trained.epochs[trained.best_epoch - 1][f"recall_at_{K}"]}
        if closed is not None:
            recalls |= {w: validate(_blend(trained.towers, closed[1], w, left)) for w in BLEND_WEIGHTS}
        weight = max(recalls, key=lambda w: recalls[w])
        damping, shrinkage = closed[0] if closed is not None else (0.0, 1.0)
        if best is None or recalls[weight] > best[0]:
            recipe = Recipe(temperature, schedule, trained.best_epoch, weight, damping, shrinkage)
            best = recalls[weight], recipe
        trials.append({"temperature": temperature, "epochs": trained.epochs, "recall_by_weight": _listed(recalls)})
    assert best is not None
    recall, recipe = best
    tell(
        f"chosen: temperature {recipe.temperature:g}, {recipe.epochs} epochs, "
        f"closed form x {recipe.closed_form_weight:g}; validation Recall@{K} {recall:.4f}"
    )
    return Choice(recipe, {"users": len(users), f"recall_at_{K}": recall, "trials": trials})


def fit(histories: Histories, books: int, recipe: Recipe, parameters: Hyperparameters) -> BookTowers:
    """Fits towers by `recipe` on all of `histories`."""
    blended = recipe.closed_form_weight > 0
    trained: Trained = train(
        histories,
        books,
        parameters,
        recipe.schedule,
        embedding_dim=_trained_width(parameters, blended=blended),
        temperature=recipe.temperature,
        epochs=recipe.epochs,
    )
    if not blended:
        return trained.towers
    decomposition = closed_form.decompose(as_matrix(histories, books), _closed_width(parameters), parameters.seed)
    closed = closed_form.towers(decomposition, recipe.popularity_damping, recipe.shrinkage)
    return _blend(trained.towers, closed, recipe.closed_form_weight, histories)


def _choose_closed_form(
    left: Histories, books: int, parameters: Hyperparameters, validate: Any
) -> tuple[tuple[float, float], BookTowers]:
    decomposition = closed_form.decompose(as_matrix(left, books), _closed_width(parameters), parameters.seed)
    recalls = {
        setting: validate(closed_form.towers(decomposition, *setting))
        for setting in product(closed_form.POPULARITY_DAMPINGS, closed_form.SHRINKAGES)
    }
    best = max(recalls, key=lambda setting: recalls[setting])
    tell(
        f"closed form: popularity damping {best[0]:g}, shrinkage {best[1]:g}, validation Recall@{K} {recalls[best]:.4f}"
    )
    return best, closed_form.towers(decomposition, *best)


def _blend(trained: BookTowers, closed: BookTowers, weight: float, histories: Histories) -> BookTowers:
    """Returns towers that add the two scores, the closed form's at `weight` times the trained ones' spread."""
    users = _some_readers(histories)
    spreads = [float(np.std(towers.scores(histories, users).numpy())) for towers in (trained, closed)]
    return joined_towers([(1.0, trained), (weight * spreads[0] / max(spreads[1], 1e-12), closed)])


def _some_readers(histories: Histories) -> Ids:
    readers = np.flatnonzero(histories.sizes())
    return readers[np.linspace(0, len(readers) - 1, min(SCALE_USERS, len(readers))).astype(np.int64)].astype(np.int32)


def _trained_width(parameters: Hyperparameters, *, blended: bool) -> int:
    return parameters.embedding_dim - _closed_width(parameters) if blended else parameters.embedding_dim


def _closed_width(parameters: Hyperparameters) -> int:
    return parameters.embedding_dim // 2


def _listed(recalls: dict[float, float]) -> list[dict[str, float]]:
    return [{"weight": weight, f"recall_at_{K}": recall} for weight, recall in recalls.items()]
