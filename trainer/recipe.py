"""What the towers are made of, and how they are fitted.

Three models of books for books are summed: the trained towers, the closed form, and the local regression. What of them
is in the sum, and how each is fitted, is chosen in `trainer.choice`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import scipy.sparse as sp

from trainer import closed_form, local_regression
from trainer.book_towers import BookTowers
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, as_matrix
from trainer.kernel import Kernel, as_towers, of_sparse, of_towers, reader_rows, standardised, summed
from trainer.schedule import Schedule
from trainer.training import train
from transform.progress import tell


class Mix(NamedTuple):
    """Weights of the parts, in standard deviations of their scores."""

    trained: float = 1.0
    closed_form: float = 0.0
    regression: float = 0.0


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

    def __str__(self) -> str:
        """What is summed, in a line."""
        return (
            f"{self.mix.trained:g} x trained towers (temperature {self.temperature:g}, {self.epochs} epochs) + "
            f"{self.mix.closed_form:g} x closed form + {self.mix.regression:g} x regression on "
            f"{self.regression_settings.neighbours} neighbours{'' if self.compressed else ' beside the vectors'}"
        )


class Begun(NamedTuple):
    """What of a fit was done while its recipe was chosen."""

    trained: BookTowers | None = None
    """The trained towers by the recipe; None: they are still to be trained."""

    decomposition: closed_form.Decomposition | None = None
    """What the closed form is made of, whatever its settings; None: it is still to be made."""


def fit(
    histories: Histories, books: int, recipe: Recipe, parameters: Hyperparameters, begun: Begun | None = None
) -> BookTowers:
    """Fits towers by `recipe` on all of `histories`.

    Args:
      histories: every reader's books.
      books: how many books there are.
      recipe: how.
      parameters: widths and seeds.
      begun: what is done already; None: nothing.
    """
    begun = begun or Begun()
    read = as_matrix(histories, books)
    rows = reader_rows(read)
    mix = recipe.mix
    parts: list[Kernel] = []
    if mix.trained:
        trained = begun.trained
        if trained is None:
            trained = train(
                histories,
                books,
                parameters,
                recipe.schedule,
                embedding_dim=trained_dim(parameters),
                temperature=recipe.temperature,
                epochs=recipe.epochs,
            ).towers
        if not mix.closed_form and not mix.regression:
            return trained
        parts.append(standardised(of_towers(trained), rows).times(mix.trained))
    if mix.closed_form:
        decomposition = begun.decomposition or closed_form.decompose(read, parameters.seed)
        kernel = of_towers(closed_form.towers(decomposition, recipe.closed_form_settings))
        parts.append(standardised(kernel, rows).times(mix.closed_form))
    if mix.regression:
        [kernel] = regressions(read, rows, [recipe.regression_settings])
        parts.append(kernel.times(mix.regression))
    tell("bringing the sum into two towers")
    return as_towers(summed(*parts), rows, parameters.embedding_dim, parameters.seed, compressed=recipe.compressed)


def as_json(recipe: Recipe) -> dict[str, Any]:
    """Returns `recipe` as nested dictionaries."""
    values = recipe._asdict()
    return {name: value._asdict() if hasattr(value, "_asdict") else value for name, value in values.items()}


def regressions(
    read: sp.csr_matrix, rows: sp.csr_matrix, settings: Sequence[local_regression.Settings]
) -> list[Kernel]:
    """Returns the local regressions by `settings`, each brought to a standard deviation of 1.

    Args:
      read: float32 `[readers, books]`, 1 where the reader has read the book.
      rows: the same readers' rows, from `reader_rows`.
      settings: of each.
    """
    return [standardised(of_sparse(weights), rows) for weights in local_regression.fit(read, settings)]


def trained_dim(parameters: Hyperparameters) -> int:
    """Returns the width of the trained towers: half of the whole where other parts may join them, which costs the sum
    nothing and saves a third of the time."""
    return parameters.embedding_dim // 2 if len(parameters.parts) > 1 else parameters.embedding_dim
