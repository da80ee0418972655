"""The model configuration: which models are blended into the towers, and how they are fitted.

The blend is a weighted sum of three item-item models: the trained towers, the shrunk SVD, and neighbourhood SLIM.
`trainer.selection.selection` selects the blend weights and each model's settings.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import scipy.sparse as sp

from core.progress import tell
from data.histories import Histories, as_matrix
from trainer.fitting.schedule import Schedule
from trainer.fitting.training import train
from trainer.hyperparameters import Hyperparameters
from trainer.models import neighbour_slim, shrunk_svd
from trainer.models.item_item import ItemItemModel, as_towers, of_sparse, of_towers, reader_rows, standardised, summed
from trainer.models.towers import BookTowers


class BlendWeights(NamedTuple):
    """Blend weights of the models, whose scores are scaled to a standard deviation of 1."""

    trained: float = 1.0
    closed_form: float = 0.0
    regression: float = 0.0


class ModelConfiguration(NamedTuple):
    """The settings by which towers are fitted."""

    schedule: Schedule
    temperature: float
    epochs: int
    """Number of epochs to train, at most the schedule's."""

    mix: BlendWeights = BlendWeights()
    closed_form_settings: shrunk_svd.Settings = shrunk_svd.Settings()
    regression_settings: neighbour_slim.Settings = neighbour_slim.Settings()
    compressed: bool = True
    """Whether neighbourhood SLIM is compressed into the dense vectors; if so, there is no sparse part."""

    def __str__(self) -> str:
        """Returns the weighted sum in one line."""
        return (
            f"{self.mix.trained:g} x trained towers (temperature {self.temperature:g}, {self.epochs} epochs) + "
            f"{self.mix.closed_form:g} x shrunk SVD + {self.mix.regression:g} x regression on "
            f"{self.regression_settings.neighbours} neighbours{'' if self.compressed else ' beside the vectors'}"
        )


class WarmStart(NamedTuple):
    """The parts of a fit that were computed during model selection."""

    trained: BookTowers | None = None
    """The trained towers of the configuration; None: not trained yet."""

    decomposition: shrunk_svd.Decomposition | None = None
    """The decomposition for the shrunk SVD with any settings; None: not computed yet."""


def fit(
    histories: Histories,
    books: int,
    configuration: ModelConfiguration,
    parameters: Hyperparameters,
    warm_start: WarmStart | None = None,
) -> BookTowers:
    """Returns towers fitted by `configuration` on all of `histories`.

    Args:
      histories: every user's books.
      books: number of all books.
      configuration: the model configuration.
      parameters: widths and seeds.
      warm_start: parts that are computed already; None: none.
    """
    warm_start = warm_start or WarmStart()
    read = as_matrix(histories, books)
    rows = reader_rows(read)
    mix = configuration.mix
    parts: list[ItemItemModel] = []
    if mix.trained:
        trained = warm_start.trained
        if trained is None:
            trained = train(
                histories,
                books,
                parameters,
                configuration.schedule,
                embedding_dim=trained_dim(parameters),
                temperature=configuration.temperature,
                epochs=configuration.epochs,
            ).towers
        if not mix.closed_form and not mix.regression:
            return trained
        parts.append(standardised(of_towers(trained), rows).times(mix.trained))
    if mix.closed_form:
        decomposition = warm_start.decomposition or shrunk_svd.decompose(read, parameters.seed)
        item_item = of_towers(shrunk_svd.towers(decomposition, configuration.closed_form_settings))
        parts.append(standardised(item_item, rows).times(mix.closed_form))
    if mix.regression:
        [item_item] = regressions(read, rows, [configuration.regression_settings])
        parts.append(item_item.times(mix.regression))
    tell("bringing the sum into two towers")
    return as_towers(
        summed(*parts), rows, parameters.embedding_dim, parameters.seed, compressed=configuration.compressed
    )


def as_json(configuration: ModelConfiguration) -> dict[str, Any]:
    """Returns `configuration` as nested dictionaries."""
    values = configuration._asdict()
    return {name: value._asdict() if hasattr(value, "_asdict") else value for name, value in values.items()}


def regressions(
    read: sp.csr_matrix, rows: sp.csr_matrix, settings: Sequence[neighbour_slim.Settings]
) -> list[ItemItemModel]:
    """Returns neighbourhood SLIM for each of `settings`, with scores scaled to a standard deviation of 1.

    Args:
      read: float32 `[users, books]`, 1 where the user has read the book.
      rows: the same users' rows, from `reader_rows`.
      settings: the settings of each model.
    """
    return [standardised(of_sparse(weights), rows) for weights in neighbour_slim.fit(read, settings)]


def trained_dim(parameters: Hyperparameters) -> int:
    """Returns the width of the trained towers: half of `embedding_dim` if other models may be blended in, else all.

    Half costs the blend nothing and saves a third of the time.
    """
    return parameters.embedding_dim // 2 if len(parameters.parts) > 1 else parameters.embedding_dim
