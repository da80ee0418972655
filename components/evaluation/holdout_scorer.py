"""Scores today's users and books with a hold-out model, today's or the served model's."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from data.histories import Histories, Ids
from trainer.export.holdout_model import HoldoutModel
from trainer.models.popularity import Popularity
from trainer.models.towers import BookTowers, Table


class HoldoutScorer:
    """A hold-out model with its tables mapped to today's book ids."""

    def __init__(self, holdout_model: HoldoutModel, books: list[bytes], training: Histories):
        """Sets the model up.

        Args:
          holdout_model: the hold-out model to evaluate.
          books: today's books by id. The model neither uses nor recommends those that it does not know.
          training: each user's training books, in today's ids.
        """
        rows = {book: row for row, book in enumerate(holdout_model.books)}
        row = np.array([rows.get(book, -1) for book in books], np.int64)
        known = row >= 0
        self.known: npt.NDArray[np.bool_] = known
        """`[books]`: True for books that the hold-out model knows."""
        towers = holdout_model.towers
        width = towers.candidate_table.shape[1]
        query, candidate = (np.zeros((len(books), width), np.float32) for _ in range(2))
        query[known], candidate[known] = towers.query_table[row[known]], towers.candidate_table[row[known]]
        neighbours = None
        if towers.neighbours is not None:
            # [today's books, the hold-out model's books]
            places = sp.csr_matrix(
                (np.ones(int(known.sum()), np.float32), (np.flatnonzero(known), row[known])),
                (len(books), len(holdout_model.books)),
            )
            neighbours = (places @ towers.neighbours @ places.T).tocsr()
        self.towers = BookTowers(query, candidate, neighbours)
        """The hold-out model's towers, in today's ids; zeros for unknown books."""
        self.popularity: Popularity | None = None
        """float32 `[books]`: the hold-out model's scores for unknown users; minus infinity for unknown books."""
        if holdout_model.popularity is not None:
            self.popularity = np.full(len(books), -np.inf, np.float32)
            self.popularity[known] = holdout_model.popularity[row[known]]
        self._training = training

    def scores(self, users: Ids) -> Table:
        """Returns float32 `[n, books]`: scores of `users` `[n]`; minus infinity for unknown books."""
        scores = self.towers.scores(self._training, users)
        scores[:, ~self.known] = -np.inf
        return scores
