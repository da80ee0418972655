"""The validation set: some users' withheld training books, on which the model configuration is selected."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from data.histories import Histories, Ids, as_matrix, validation_split
from evaluation.metrics import K, Values, mean
from evaluation.ranking import Scorer, by_blocks, recall
from evaluation.sum_ranking import mean_recalls_of_sums
from trainer.hyperparameters import Hyperparameters
from trainer.models.item_item import ItemItemModel, reader_rows

LEAST_BOOKS: Final = 3

# Share of each user's books. It is small, since the settings that fit the rest best have to fit all books too.
WITHHELD_SHARE: Final = 0.1


class Validation:
    """The training books that are left to fit on, and Recall@20 on the withheld ones."""

    def __init__(self, histories: Histories, books: int, parameters: Hyperparameters):
        """Withholds some books of the validation users.

        Args:
          histories: every user's training books.
          books: number of all books.
          parameters: maximum number of validation users, and the seed.
        """
        self.users, self.left, self._out = validation_split(
            histories, LEAST_BOOKS, parameters.max_validation_users, WITHHELD_SHARE, parameters.seed
        )
        self.withheld_share = len(self._out.books) / max(len(histories.books), 1)
        self.books = books
        self.read = as_matrix(self.left, books)
        self.rows = reader_rows(self.read)

    def recall(self, item_item: ItemItemModel) -> float:
        """Returns the Recall@20 of `item_item`."""
        [found] = self.recalls_beside(item_item, [ItemItemModel()])
        return found

    def recalls_beside(self, item_item: ItemItemModel, others: Sequence[ItemItemModel]) -> list[float]:
        """Returns the Recall@20 of `item_item` plus each of `others`."""

        def of_each_sum(block: Ids) -> list[Values]:
            rows = self.rows[block]
            scores = item_item.scores(rows)
            found = []
            for number, other in enumerate(others, start=1):
                of_sum = scores.copy() if number < len(others) else scores
                found.append(recall(other.added_to(of_sum, rows), block, self.left, self._out, K))
            return found

        found = by_blocks(of_each_sum, self.users, self.books)
        return [mean(np.concatenate(recalls)) for recalls in zip(*found, strict=True)]

    def recalls_of_sums(self, item_items: Sequence[ItemItemModel], weights: Sequence[Sequence[float]]) -> list[float]:
        """Returns the Recall@20 of weighted sums.

        Args:
          item_items: the models to sum.
          weights: for each sum, the weight of each model, 0 or more.
        """
        parts = [self._scorer(item_item) for item_item in item_items]
        return mean_recalls_of_sums(parts, weights, self.users, self.left, self._out, self.books, K)

    def _scorer(self, item_item: ItemItemModel) -> Scorer:
        return lambda block: item_item.scores(self.rows[block])
