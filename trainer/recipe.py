"""The recipe of a model: chosen once on validation, then fitted as often as it is needed, on more and more of the data.

A model is the weighted sum of three: the trained towers, the closed form, and the local regression. Recall@20 of some
readers' withheld training books decides what is in it: first each part's own settings, then the parts' weights, then
whether the regression can be compressed into the vectors or stays beside them as their sparse part, and at last whether
the sum is better than the trained towers alone. The hold-out that the model is judged by takes no part.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import scipy.sparse as sp

from trainer import closed_form, local_regression
from trainer.book_towers import BookTowers
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, as_matrix
from trainer.kernel import Kernel, as_towers, of_sparse, of_towers, reader_rows, standardised, summed
from trainer.schedule import Schedule, schedule_for, temperatures_for
from trainer.training import K, train
from trainer.validation import Validation
from transform.progress import tell


class Mix(NamedTuple):
    """Weights of the parts, in standard deviations of their scores."""

    trained: float = 1.0
    closed_form: float = 0.0
    regression: float = 0.0


# Each has one of the first two: without them the vectors would have no dense part.
MIXES: Final = (
    *(Mix(*each) for each in ((1, 0), (1, 0.25), (1, 0.5), (1, 1), (0.5, 1), (0.25, 1), (0, 1))),
    *(Mix(*each, 1) for each in product((0, 0.5, 1, 2, 4, 8), (0, 0.25, 0.5, 1, 2)) if any(each)),
)

Setting = TypeVar("Setting")


class Recipe(NamedTuple):
    """How towers are fitted."""

    schedule: Schedule
    temperature: float
    epochs: int
    """When the training stops, of the schedule's epochs."""

    mix: Mix = Mix()
    closed_form_settings: closed_form.Settings = closed_form.Settings()
    regression_settings: local_regression.Settings = local_regression.Settings()
    compressed: bool = True
    """Whether the regression is compressed into the vectors, which then have no sparse part."""


class Choice(NamedTuple):
    """What was chosen, and what was seen on the way."""

    recipe: Recipe
    validation: dict[str, Any]

    towers: BookTowers | None = None
    """The towers by that recipe, fitted without what validation withheld; None where nothing validated."""

    withheld_share: float = 1.0
    """Share of the training interactions that validation withheld."""


def choose(
    histories: Histories,
    books: int,
    parameters: Hyperparameters,
    log_dir: str | None,
    report: Callable[[float], None] | None = None,
) -> Choice:
    """Chooses a recipe on validation.

    Args:
      histories: every reader's training books.
      books: how many books there are.
      parameters: what may be chosen from.
      log_dir: where TensorBoard finds the logs; None: nowhere.
      report: takes Recall@20 on validation after each epoch; what it raises ends the choice.
    """
    readers = int(np.count_nonzero(histories.sizes() >= 2))
    schedule = schedule_for(readers, parameters)
    validation = Validation(histories, books, parameters)
    if len(validation.users) == 0:
        tell("no reader has the three training books that validation needs: only towers are trained, by the defaults")
        return Choice(Recipe(schedule, parameters.temperatures[0], schedule.epochs), {})
    trials: list[dict[str, Any]] = []
    # Without trained towers the others are compared with nothing.
    trained: dict[float, tuple[float, int, BookTowers | None]] = {
        parameters.temperatures[0]: (-1.0, schedule.epochs, None)
    }
    for temperature in temperatures_for(readers, parameters) if "trained" in parameters.parts else ():
        tell(f"temperature {temperature:g}")
        fitted = train(
            validation.left,
            books,
            parameters,
            schedule,
            embedding_dim=_trained_dim(parameters),
            temperature=temperature,
            validate=lambda towers: _reported(validation.recall(of_towers(towers)), report),
            log_dir=f"{log_dir}/temperature-{temperature:g}" if log_dir else None,
        )
        score = fitted.epochs[fitted.best_epoch - 1][f"recall_at_{K}"]
        trained[temperature] = score, fitted.best_epoch, fitted.towers
        trials.append({"temperature": temperature, "epochs": fitted.epochs})
    temperature = max(trained, key=lambda tried: trained[tried][0])
    recall, epochs, towers = trained[temperature]
    recipe = Recipe(schedule, temperature, epochs)
    if len(parameters.parts) > 1 or "trained" not in parameters.parts:
        recipe, recall, towers = _blended(recipe, recall, towers, validation, parameters)
    tell(f"chosen: {_described(recipe)}; validation Recall@{K} {recall:.4f}")
    return Choice(
        recipe,
        {"users": len(validation.users), f"recall_at_{K}": recall, "trials": trials},
        towers,
        validation.withheld_share,
    )


def fit(histories: Histories, books: int, recipe: Recipe, parameters: Hyperparameters) -> BookTowers:
    """Fits towers by `recipe` on all of `histories`.

    Args:
      histories: every reader's books.
      books: how many books there are.
      recipe: how.
      parameters: widths and seeds.
    """
    read = as_matrix(histories, books)
    rows = reader_rows(read)
    mix = recipe.mix
    parts: list[Kernel] = []
    if mix.trained:
        towers = train(
            histories,
            books,
            parameters,
            recipe.schedule,
            embedding_dim=_trained_dim(parameters),
            temperature=recipe.temperature,
            epochs=recipe.epochs,
        ).towers
        if not mix.closed_form and not mix.regression:
            return towers
        parts.append(standardised(of_towers(towers), rows).times(mix.trained))
    if mix.closed_form:
        decomposition = closed_form.decompose(read, parameters.seed)
        kernel = of_towers(closed_form.towers(decomposition, recipe.closed_form_settings))
        parts.append(standardised(kernel, rows).times(mix.closed_form))
    if mix.regression:
        [kernel] = _regressions(read, rows, [recipe.regression_settings])
        parts.append(kernel.times(mix.regression))
    tell("bringing the sum into two towers")
    return as_towers(summed(*parts), rows, parameters.embedding_dim, parameters.seed, compressed=recipe.compressed)


def as_json(recipe: Recipe) -> dict[str, Any]:
    """Returns `recipe` as nested dictionaries."""
    values = recipe._asdict()
    return {name: value._asdict() if hasattr(value, "_asdict") else value for name, value in values.items()}


def _blended(
    recipe: Recipe, alone: float, trained: BookTowers | None, validation: Validation, parameters: Hyperparameters
) -> tuple[Recipe, float, BookTowers | None]:
    """Returns `recipe` with the other parts' settings and weights, where they help, its Recall@20 and its towers.

    Args:
      recipe: that of the trained towers.
      alone: their Recall@20 on validation.
      trained: they themselves; None: there are none.
      validation: what decides.
      parameters: what may be chosen from.
    """
    read, rows = validation.read, validation.rows
    closed_settings, closed = closed_form.Settings(), Kernel()
    if "closed_form" in parameters.parts:
        decomposition = closed_form.decompose(read, parameters.seed)
        closed_settings, recall = _best_one_by_one(
            closed_form.Settings(),
            closed_form.TRIED,
            lambda settings: validation.recall(of_towers(closed_form.towers(decomposition, settings))),
        )
        tell(f"closed form: {closed_settings}, validation Recall@{K} {recall:.4f}")
        closed = standardised(of_towers(closed_form.towers(decomposition, closed_settings)), rows)
    dense = (standardised(of_towers(trained), rows) if trained else Kernel(), closed)
    regressions, chosen = {local_regression.Settings(): Kernel()}, local_regression.Settings()
    if "regression" in parameters.parts:
        settings = local_regression.SETTINGS
        regressions = dict(zip(settings, _regressions(read, rows, settings), strict=True))
        chosen, recall = _best(list(regressions), validation.recalls_beside(Kernel(), list(regressions.values())))
        tell(f"local regression: {chosen}, validation Recall@{K} {recall:.4f}")
    mixes = [mix for mix in MIXES if all(part in parameters.parts for part, weight in mix._asdict().items() if weight)]
    mix, _ = _best(mixes, validation.recalls_of_sums((*dense, regressions[chosen]), mixes))
    if len(regressions) > 1:
        # The regression that is best alone need not be so beside the other parts.
        others = summed(*(part.times(weight) for part, weight in zip(dense, mix[:2], strict=True)))
        beside, _ = _best(list(regressions), validation.recalls_beside(others, list(regressions.values())))
        if beside != chosen:
            chosen = beside
            mix, _ = _best(mixes, validation.recalls_of_sums((*dense, regressions[chosen]), mixes))
    kernel = summed(*(part.times(weight) for part, weight in zip((*dense, regressions[chosen]), mix, strict=True)))

    def narrowed(compressed: bool) -> BookTowers:
        return as_towers(kernel, rows, parameters.embedding_dim, parameters.seed, compressed=compressed)

    apart = narrowed(compressed=False)
    together = narrowed(compressed=True) if kernel.sparse else apart
    with_sparse_part, without = (validation.recall(of_towers(each)) for each in (apart, together))
    tell(f"regression beside the vectors: validation Recall@{K} {with_sparse_part:.4f}; compressed: {without:.4f}")
    compressed = without >= (1 - parameters.max_compression_loss) * with_sparse_part
    recall, towers = (without, together) if compressed else (with_sparse_part, apart)
    if recall <= alone:
        return recipe, alone, trained
    blended = recipe._replace(
        mix=mix, closed_form_settings=closed_settings, regression_settings=chosen, compressed=compressed
    )
    return blended, recall, towers


def _reported(recall: float, report: Callable[[float], None] | None) -> float:
    if report is not None:
        report(recall)
    return recall


def _regressions(
    read: sp.csr_matrix, rows: sp.csr_matrix, settings: Sequence[local_regression.Settings]
) -> list[Kernel]:
    return [standardised(of_sparse(weights), rows) for weights in local_regression.fit(read, settings)]


def _best_one_by_one(
    start: closed_form.Settings,
    tried: Mapping[str, Sequence[Any]],
    score: Callable[[closed_form.Settings], float],
) -> tuple[closed_form.Settings, float]:
    """Returns the settings that validate best where each is chosen in turn, and their score.

    Args:
      start: what the others are while one is chosen.
      tried: the values of each.
      score: of settings, the higher the better.
    """
    scores = {start: score(start)}
    best = start
    for name, values in tried.items():
        for settings in (best._replace(**{name: value}) for value in values):
            if settings not in scores:
                scores[settings] = score(settings)
        best = max(scores, key=lambda settings: scores[settings])
    return best, scores[best]


def _best(tried: Sequence[Setting], scores: Sequence[float]) -> tuple[Setting, float]:
    """Returns the setting that validates best, the first of equals, and its score."""
    best = int(np.argmax(scores))
    return tried[best], scores[best]


def _trained_dim(parameters: Hyperparameters) -> int:
    """Returns the width of the trained towers: half of the whole where other parts may join them, which costs the sum
    nothing and saves a third of the time."""
    return parameters.embedding_dim // 2 if len(parameters.parts) > 1 else parameters.embedding_dim


def _described(recipe: Recipe) -> str:
    return (
        f"{recipe.mix.trained:g} x trained towers (temperature {recipe.temperature:g}, {recipe.epochs} epochs) + "
        f"{recipe.mix.closed_form:g} x closed form + {recipe.mix.regression:g} x regression on "
        f"{recipe.regression_settings.neighbours} neighbours{'' if recipe.compressed else ' beside the vectors'}"
    )
