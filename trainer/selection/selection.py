"""Model selection: selects the model configuration by Recall@20 on some users' withheld training books.

It first selects each model's own settings, then the blend weights. Then it decides whether neighbourhood SLIM is
compressed into the dense vectors or becomes their sparse part. Last, it compares the blend with the trained towers
alone. Selection never sees the hold-out, which judges the model.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from core.progress import tell
from data.histories import Histories, as_matrix
from evaluation.metrics import K
from evaluation.side_by_side import side_by_side
from trainer.fitting.schedule import Schedule, begins_ahead, schedule_for, temperatures_for
from trainer.fitting.training import STOPPING_METRIC, Trained, train
from trainer.hyperparameters import Hyperparameters
from trainer.models import neighbour_slim, shrunk_svd
from trainer.models.item_item import ItemItemModel, as_towers, of_towers, standardised, summed
from trainer.models.towers import BookTowers
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, WarmStart, regressions, trained_dim
from trainer.selection.validation import Validation

# Each has one of the first two models: without them the vectors would have no dense part.
BLENDS: Final = (
    *(BlendWeights(*each) for each in ((1, 0), (1, 0.25), (1, 0.5), (1, 1), (0.5, 1), (0.25, 1), (0, 1))),
    *(BlendWeights(*each, 1) for each in product((0, 0.5, 1, 2, 4, 8), (0, 0.25, 0.5, 1, 2)) if any(each)),
)

Setting = TypeVar("Setting")


class ModelSelection(NamedTuple):
    """The selected configuration, and what selection computed."""

    configuration: ModelConfiguration
    validation: dict[str, Any]

    towers: BookTowers | None = None
    """The towers of that configuration, fitted without the withheld books; None without validation."""

    withheld_share: float = 1.0
    """Share of the training interactions that validation withheld."""

    warm_start: WarmStart = WarmStart()
    """The parts of the fit on all interactions that were computed during selection."""


class _Candidate(NamedTuple):
    """A configuration that may be selected."""

    configuration: ModelConfiguration
    recall: float
    """Recall@20 on validation; -1: not validated, so any other candidate is better."""

    towers: BookTowers | None


class _Parts(NamedTuple):
    """The models that may be blended."""

    dense: tuple[ItemItemModel, ItemItemModel]
    """The trained towers and the shrunk SVD; an empty model for one that `parts` does not name."""

    closed_form_settings: shrunk_svd.Settings
    regressions: dict[neighbour_slim.Settings, ItemItemModel]
    """Neighbourhood SLIM by settings; a single empty model if `parts` does not name it."""


def choose(
    histories: Histories,
    books: int,
    parameters: Hyperparameters,
    log_dir: str | None,
    report: Callable[[float], None] | None = None,
    everything: Histories | None = None,
) -> ModelSelection:
    """Selects a model configuration on validation.

    Args:
      histories: every user's training books.
      books: number of all books.
      parameters: the models and values to select from.
      log_dir: TensorBoard's log folder; None: no logs.
      report: takes Recall@20 on validation after each epoch; an exception from it ends the selection.
      everything: the histories of the next fit, if known. That fit begins during selection if `begins_ahead` is True.
    """
    readers = int(np.count_nonzero(histories.sizes() >= 2))
    schedule = schedule_for(readers, parameters)
    default = ModelConfiguration(schedule, parameters.temperatures[0], schedule.epochs)
    validation = Validation(histories, books, parameters)
    if len(validation.users) == 0:
        tell("no reader has the three training books that validation needs: only towers are trained, by the defaults")
        return ModelSelection(default, {})
    ahead = everything if begins_ahead(readers, parameters) else None
    temperatures = temperatures_for(readers, parameters) if "trained" in parameters.parts else ()
    tried = _trained_at(temperatures, schedule, validation, parameters, log_dir, report, ahead)
    # Without trained towers, any blend is better.
    best, warm_start = _Candidate(default, -1.0, None), WarmStart()
    if tried:
        temperature = max(tried, key=lambda temperature: _recall(tried[temperature]))
        trained = tried[temperature]
        alone = ModelConfiguration(schedule, temperature, trained.best_epoch)
        best, warm_start = _Candidate(alone, _recall(trained), trained.towers), WarmStart(trained.follower)
    if len(parameters.parts) > 1 or "trained" not in parameters.parts:
        blended, decomposition = _blend(best, validation, parameters, ahead)
        warm_start = warm_start._replace(decomposition=decomposition)
        if blended.recall > best.recall:
            best = blended
    tell(f"chosen: {best.configuration}; validation Recall@{K} {best.recall:.4f}")
    trials = [{"temperature": temperature, "epochs": each.epochs} for temperature, each in tried.items()]
    facts = {"users": len(validation.users), STOPPING_METRIC: best.recall, "trials": trials}
    return ModelSelection(best.configuration, facts, best.towers, validation.withheld_share, warm_start)


def _trained_at(
    temperatures: Sequence[float],
    schedule: Schedule,
    validation: Validation,
    parameters: Hyperparameters,
    log_dir: str | None,
    report: Callable[[float], None] | None,
    ahead: Histories | None,
) -> dict[float, Trained]:
    """Returns towers trained on the books not withheld, by temperature; the other arguments are `choose`'s."""
    tried = {}
    for temperature in temperatures:
        tell(f"temperature {temperature:g}")
        tried[temperature] = train(
            validation.left,
            validation.books,
            parameters,
            schedule,
            embedding_dim=trained_dim(parameters),
            temperature=temperature,
            validate=lambda towers: _reported(validation.recall(of_towers(towers)), report),
            follower=ahead,
            log_dir=f"{log_dir}/temperature-{temperature:g}" if log_dir else None,
        )
    gc.collect()  # Keras' models hold reference cycles, which would keep their tables and moments in memory.
    return tried


def _blend(
    alone: _Candidate, validation: Validation, parameters: Hyperparameters, ahead: Histories | None
) -> tuple[_Candidate, shrunk_svd.Decomposition | None]:
    """Returns the best blend of all models, and the decomposition of `ahead`, computed in parallel.

    Args:
      alone: the trained towers that validate best, or none.
      validation: the validation set.
      parameters: the models and values to select from.
      ahead: the histories of the next fit; None: no decomposition.
    """
    parts = _parts(alone.towers, validation, parameters)
    with side_by_side() as pool:
        decomposed = (
            pool.submit(shrunk_svd.decompose, as_matrix(ahead, validation.books), parameters.seed)
            if ahead and "closed_form" in parameters.parts
            else None
        )
        regression, mix = _regression_and_mix(parts, validation, parameters)
        decomposition = decomposed.result() if decomposed else None
    # Not in parallel with the decomposition: each holds several tables as long as the catalogue.
    configuration = alone.configuration._replace(
        mix=mix, closed_form_settings=parts.closed_form_settings, regression_settings=regression
    )
    return _Candidate(*_blended(configuration, parts, validation, parameters)), decomposition


def _recall(trained: Trained) -> float:
    """Returns Recall@20 of the best epoch."""
    return trained.epochs[trained.best_epoch - 1][STOPPING_METRIC]


def _parts(trained: BookTowers | None, validation: Validation, parameters: Hyperparameters) -> _Parts:
    """Returns the models to blend, fitted on the books not withheld; `trained`: the trained towers, if any."""
    closed_settings, closed = shrunk_svd.Settings(), ItemItemModel()
    with side_by_side() as pool:
        regressed = pool.submit(_regressions, validation) if "regression" in parameters.parts else None
        if "closed_form" in parameters.parts:
            closed_settings, closed = _closed_form(validation, parameters.seed)
        dense = (standardised(of_towers(trained), validation.rows) if trained else ItemItemModel(), closed)
        return _Parts(
            dense, closed_settings, regressed.result() if regressed else {neighbour_slim.Settings(): ItemItemModel()}
        )


def _blended(
    configuration: ModelConfiguration, parts: _Parts, validation: Validation, parameters: Hyperparameters
) -> tuple[ModelConfiguration, float, BookTowers]:
    """Returns `configuration` with the decision on compression, the Recall@20 of its blend, and its towers.

    Args:
      configuration: the settings and the blend weights.
      parts: the models to blend.
      validation: the validation set.
      parameters: width of the towers, and maximum compression loss.
    """
    summands = (*parts.dense, parts.regressions[configuration.regression_settings])
    item_item = summed(*(part.times(weight) for part, weight in zip(summands, configuration.mix, strict=True)))
    compressed, recall, towers = _towers(item_item, validation, parameters)
    return configuration._replace(compressed=compressed), recall, towers


def _closed_form(validation: Validation, seed: int) -> tuple[shrunk_svd.Settings, ItemItemModel]:
    """Returns the settings that validate best, and the shrunk SVD with them."""
    decomposition = shrunk_svd.decompose(validation.read, seed)
    settings, recall = _best_one_by_one(
        shrunk_svd.Settings(),
        shrunk_svd.TRIED,
        lambda settings: validation.recall(of_towers(shrunk_svd.towers(decomposition, settings))),
    )
    tell(f"closed form: {settings}, validation Recall@{K} {recall:.4f}")
    return settings, standardised(of_towers(shrunk_svd.towers(decomposition, settings)), validation.rows)


def _regressions(validation: Validation) -> dict[neighbour_slim.Settings, ItemItemModel]:
    """Returns neighbourhood SLIM by settings, for all settings to try."""
    settings = neighbour_slim.SETTINGS
    return dict(zip(settings, regressions(validation.read, validation.rows, settings), strict=True))


def _regression_and_mix(
    parts: _Parts, validation: Validation, parameters: Hyperparameters
) -> tuple[neighbour_slim.Settings, BlendWeights]:
    """Returns the neighbourhood SLIM settings and the blend weights that validate best."""
    dense, fitted = parts.dense, parts.regressions
    mixes = [mix for mix in BLENDS if all(part in parameters.parts for part, weight in mix._asdict().items() if weight)]
    chosen = next(iter(fitted))
    if len(fitted) > 1:
        chosen, recall = _best(list(fitted), validation.recalls_beside(ItemItemModel(), list(fitted.values())))
        tell(f"local regression: {chosen}, validation Recall@{K} {recall:.4f}")
    mix, _ = _best(mixes, validation.recalls_of_sums((*dense, fitted[chosen]), mixes))
    if len(fitted) > 1 and mix.regression:
        # The settings that are best alone need not be the best in the blend.
        others = summed(*(part.times(weight) for part, weight in zip(dense, mix[:2], strict=True)))
        beside, _ = _best(list(fitted), validation.recalls_beside(others, list(fitted.values())))
        if beside != chosen:
            chosen = beside
            mix, _ = _best(mixes, validation.recalls_of_sums((*dense, fitted[chosen]), mixes))
    return chosen, mix


def _towers(
    item_item: ItemItemModel, validation: Validation, parameters: Hyperparameters
) -> tuple[bool, float, BookTowers]:
    """Returns whether the blend is compressed into dense vectors, its Recall@20 as served, and its towers."""

    def narrowed(compressed: bool) -> tuple[float, BookTowers]:
        towers = as_towers(item_item, validation.rows, parameters.embedding_dim, parameters.seed, compressed=compressed)
        return validation.recall(of_towers(towers)), towers

    without, together = narrowed(compressed=True)
    if not item_item.sparse:
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
    start: shrunk_svd.Settings,
    tried: Mapping[str, Sequence[Any]],
    score: Callable[[shrunk_svd.Settings], float],
) -> tuple[shrunk_svd.Settings, float]:
    """Returns the settings that validate best, selected one at a time, and their score.

    Args:
      start: the initial settings.
      tried: the values to try of each setting.
      score: returns the score of settings; higher is better.
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
    """Returns the setting that validates best, the first of ties, and its score."""
    best = int(np.argmax(scores))
    return tried[best], scores[best]
