"""How a recipe is chosen: Recall@20 of some readers' withheld training books decides what is in the sum.

First each part's own settings, then the parts' weights, then whether the regression can be compressed into the vectors
or stays beside them as their sparse part, and at last whether the sum is better than the trained towers alone. The
hold-out that the model is judged by takes no part.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from trainer import closed_form, local_regression
from trainer.book_towers import BookTowers
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, as_matrix
from trainer.kernel import Kernel, as_towers, of_towers, standardised, summed
from trainer.recipe import Begun, Mix, Recipe, regressions, trained_dim
from trainer.schedule import begins_ahead, schedule_for, temperatures_for
from trainer.side_by_side import side_by_side
from trainer.training import STOPPING_METRIC, K, Trained, train
from trainer.validation import Validation
from transform.progress import tell

# Each has one of the first two: without them the vectors would have no dense part.
MIXES: Final = (
    *(Mix(*each) for each in ((1, 0), (1, 0.25), (1, 0.5), (1, 1), (0.5, 1), (0.25, 1), (0, 1))),
    *(Mix(*each, 1) for each in product((0, 0.5, 1, 2, 4, 8), (0, 0.25, 0.5, 1, 2)) if any(each)),
)

Setting = TypeVar("Setting")


class Choice(NamedTuple):
    """What was chosen, and what was seen on the way."""

    recipe: Recipe
    validation: dict[str, Any]

    towers: BookTowers | None = None
    """The towers by that recipe, fitted without what validation withheld; None where nothing validated."""

    withheld_share: float = 1.0
    """Share of the training interactions that validation withheld."""

    begun: Begun = Begun()
    """What of the fit on everything was done meanwhile."""


class _Parts(NamedTuple):
    """What may be summed."""

    dense: tuple[Kernel, Kernel]
    """The trained towers and the closed form; an empty one that is not asked for."""

    closed_form_settings: closed_form.Settings
    regressions: dict[local_regression.Settings, Kernel]
    """At least one; empty where none is asked for."""


def choose(
    histories: Histories,
    books: int,
    parameters: Hyperparameters,
    log_dir: str | None,
    report: Callable[[float], None] | None = None,
    everything: Histories | None = None,
) -> Choice:
    """Chooses a recipe on validation.

    Args:
      histories: every reader's training books.
      books: how many books there are.
      parameters: what may be chosen from.
      log_dir: where TensorBoard finds the logs; None: nowhere.
      report: takes Recall@20 on validation after each epoch; what it raises ends the choice.
      everything: what is fitted on next, if that is known: it is begun meanwhile where `begins_ahead` says so.
    """
    readers = int(np.count_nonzero(histories.sizes() >= 2))
    schedule = schedule_for(readers, parameters)
    validation = Validation(histories, books, parameters)
    if len(validation.users) == 0:
        tell("no reader has the three training books that validation needs: only towers are trained, by the defaults")
        return Choice(Recipe(schedule, parameters.temperatures[0], schedule.epochs), {})
    temperatures = temperatures_for(readers, parameters) if "trained" in parameters.parts else ()
    ahead = everything if begins_ahead(readers, parameters) else None
    tried: dict[float, Trained] = {}
    for temperature in temperatures:
        tell(f"temperature {temperature:g}")
        tried[temperature] = train(
            validation.left,
            books,
            parameters,
            schedule,
            embedding_dim=trained_dim(parameters),
            temperature=temperature,
            validate=lambda towers: _reported(validation.recall(of_towers(towers)), report),
            follower=ahead,
            log_dir=f"{log_dir}/temperature-{temperature:g}" if log_dir else None,
        )
    gc.collect()  # Keras' models refer to themselves: their tables and moments would stay.
    # Without trained towers the others are compared with nothing.
    recipe, recall, towers = Recipe(schedule, parameters.temperatures[0], schedule.epochs), -1.0, None
    begun = Begun()
    if tried:
        temperature = max(tried, key=lambda temperature: _recall(tried[temperature]))
        trained = tried[temperature]
        recipe, recall, towers = Recipe(schedule, temperature, trained.best_epoch), _recall(trained), trained.towers
        begun = Begun(trained.follower)
    if len(parameters.parts) > 1 or "trained" not in parameters.parts:
        parts = _parts(towers, validation, parameters)
        with side_by_side() as pool:
            decomposed = (
                pool.submit(closed_form.decompose, as_matrix(ahead, books), parameters.seed)
                if ahead and "closed_form" in parameters.parts
                else None
            )
            regression, mix = _regression_and_mix(parts, validation, parameters)
            begun = begun._replace(decomposition=decomposed.result() if decomposed else None)
        # Not beside the decomposition: both are as long as the catalogue several times over.
        blend = recipe._replace(
            mix=mix, closed_form_settings=parts.closed_form_settings, regression_settings=regression
        )
        sum_recipe, recall_of_sum, towers_of_sum = _blended(blend, parts, validation, parameters)
        if recall_of_sum > recall:
            recipe, recall, towers = sum_recipe, recall_of_sum, towers_of_sum
    tell(f"chosen: {recipe}; validation Recall@{K} {recall:.4f}")
    trials = [{"temperature": temperature, "epochs": each.epochs} for temperature, each in tried.items()]
    facts = {"users": len(validation.users), STOPPING_METRIC: recall, "trials": trials}
    return Choice(recipe, facts, towers, validation.withheld_share, begun)


def _recall(trained: Trained) -> float:
    """Returns the best epoch's."""
    return trained.epochs[trained.best_epoch - 1][STOPPING_METRIC]


def _parts(trained: BookTowers | None, validation: Validation, parameters: Hyperparameters) -> _Parts:
    """Returns what may be summed, fitted on what validation left; `trained`: the trained towers, if there are any."""
    closed_settings, closed = closed_form.Settings(), Kernel()
    with side_by_side() as pool:
        regressed = pool.submit(_regressions, validation) if "regression" in parameters.parts else None
        if "closed_form" in parameters.parts:
            closed_settings, closed = _closed_form(validation, parameters.seed)
        dense = (standardised(of_towers(trained), validation.rows) if trained else Kernel(), closed)
        return _Parts(
            dense, closed_settings, regressed.result() if regressed else {local_regression.Settings(): Kernel()}
        )


def _blended(
    recipe: Recipe, parts: _Parts, validation: Validation, parameters: Hyperparameters
) -> tuple[Recipe, float, BookTowers]:
    """Returns `recipe` with the decision on compression, the Recall@20 of the sum by it, and its towers.

    Args:
      recipe: which parts are summed, and by which weights.
      parts: what is summed.
      validation: what decides.
      parameters: width of the towers, and what compression may lose.
    """
    summands = (*parts.dense, parts.regressions[recipe.regression_settings])
    kernel = summed(*(part.times(weight) for part, weight in zip(summands, recipe.mix, strict=True)))
    compressed, recall, towers = _towers(kernel, validation, parameters)
    return recipe._replace(compressed=compressed), recall, towers


def _closed_form(validation: Validation, seed: int) -> tuple[closed_form.Settings, Kernel]:
    """Returns the settings that validate best, and the closed form by them."""
    decomposition = closed_form.decompose(validation.read, seed)
    settings, recall = _best_one_by_one(
        closed_form.Settings(),
        closed_form.TRIED,
        lambda settings: validation.recall(of_towers(closed_form.towers(decomposition, settings))),
    )
    tell(f"closed form: {settings}, validation Recall@{K} {recall:.4f}")
    return settings, standardised(of_towers(closed_form.towers(decomposition, settings)), validation.rows)


def _regressions(validation: Validation) -> dict[local_regression.Settings, Kernel]:
    """Returns the regressions that are tried."""
    settings = local_regression.SETTINGS
    return dict(zip(settings, regressions(validation.read, validation.rows, settings), strict=True))


def _regression_and_mix(
    parts: _Parts, validation: Validation, parameters: Hyperparameters
) -> tuple[local_regression.Settings, Mix]:
    """Returns the regression's settings and the weights that validate best."""
    dense, fitted = parts.dense, parts.regressions
    mixes = [mix for mix in MIXES if all(part in parameters.parts for part, weight in mix._asdict().items() if weight)]
    chosen = next(iter(fitted))
    if len(fitted) > 1:
        chosen, recall = _best(list(fitted), validation.recalls_beside(Kernel(), list(fitted.values())))
        tell(f"local regression: {chosen}, validation Recall@{K} {recall:.4f}")
    mix, _ = _best(mixes, validation.recalls_of_sums((*dense, fitted[chosen]), mixes))
    if len(fitted) > 1 and mix.regression:
        # The regression that is best alone need not be so beside the other parts.
        others = summed(*(part.times(weight) for part, weight in zip(dense, mix[:2], strict=True)))
        beside, _ = _best(list(fitted), validation.recalls_beside(others, list(fitted.values())))
        if beside != chosen:
            chosen = beside
            mix, _ = _best(mixes, validation.recalls_of_sums((*dense, fitted[chosen]), mixes))
    return chosen, mix


def _towers(kernel: Kernel, validation: Validation, parameters: Hyperparameters) -> tuple[bool, float, BookTowers]:
    """Returns whether the sum is compressed into dense vectors, its Recall@20 as it would be served, and its towers."""

    def narrowed(compressed: bool) -> tuple[float, BookTowers]:
        towers = as_towers(kernel, validation.rows, parameters.embedding_dim, parameters.seed, compressed=compressed)
        return validation.recall(of_towers(towers)), towers

    without, together = narrowed(compressed=True)
    if not kernel.sparse:
        return True, without, together
    with_sparse_part, apart = narrowed(compressed=False)
    tell(f"regression beside the vectors: validation Recall@{K} {with_sparse_part:.4f}; compressed: {without:.4f}")
    if without >= (1 - parameters.max_compression_loss) * with_sparse_part:
        return True, without, together
    return False, with_sparse_part, apart


def _reported(recall: float, report: Callable[[float], None] | None) -> float:
    if report is not None:
        report(recall)
    return recall


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
