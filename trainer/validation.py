"""Some readers' withheld training books, by which a recipe is chosen."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Histories, Ids, as_matrix, validation_split
from trainer.kernel import Kernel, reader_rows
from trainer.metrics import Values, mean
from trainer.ranking import Scorer, by_blocks, recall
from trainer.sum_ranking import mean_recalls_of_sums
from trainer.training import K

LEAST_BOOKS: Final = 3

# Of each reader's books: what fits the rest best has to fit all of them too.
WITHHELD_SHARE: Final = 0.1


class Validation:
    """What is left of the training books to fit on, and Recall@20 of what was withheld."""

    def __init__(self, histories: Histories, books: int, parameters: Hyperparameters):
        """Withholds some books.

        Args:
          histories: every reader's training books.
          books: how many books there are.
          parameters: how many readers validate at the most, and the seed.
        """
        self.users, self.left, self._out = validation_split(
            histories, LEAST_BOOKS, parameters.max_validation_users, WITHHELD_SHARE, parameters.seed
        )
        self.withheld_share = len(self._out.books) / max(len(histories.books), 1)
        self._books = books
        self.read = as_matrix(self.left, books)
        self.rows = reader_rows(self.read)

    def recall(self, kernel: Kernel) -> float:
        """Returns the Recall@20 of `kernel`."""
        [found] = self.recalls_beside(kernel, [Kernel()])
        return found

    def recalls_beside(self, kernel: Kernel, others: Sequence[Kernel]) -> list[float]:
        """Returns the Recall@20 of `kernel` plus each of `others`."""

        def of_each_sum(block: Ids) -> list[Values]:
            rows = self.rows[block]
            scores = kernel.scores(rows)
            found = []
            for number, other in enumerate(others, start=1):
                of_sum = scores.copy() if number < len(others) else scores
                found.append(recall(other.added_to(of_sum, rows), block, self.left, self._out, K))
            return found

        found = by_blocks(of_each_sum, self.users, self._books)
        return [mean(np.concatenate(recalls)) for recalls in zip(*found, strict=True)]

    def recalls_of_sums(self, kernels: Sequence[Kernel], weights: Sequence[Sequence[float]]) -> list[float]:
        """Returns the Recall@20 of weighted sums.

        Args:
          kernels: what is summed.
          weights: for each sum the weight of each kernel, 0 or more.
        """
        parts = [self._scorer(kernel) for kernel in kernels]
        return mean_recalls_of_sums(parts, weights, self.users, self.left, self._out, self._books, K)

    def _scorer(self, kernel: Kernel) -> Scorer:
        return lambda block: kernel.scores(self.rows[block])
