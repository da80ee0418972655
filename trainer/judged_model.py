"""A twin, today's or the served model's, asked about today's readers and books."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from trainer.book_towers import BookTowers, Table
from trainer.interactions import Histories, Ids
from trainer.popularity import Popularity
from trainer.twin import Twin


class JudgedModel:
    """A twin with its books brought to today's ids."""

    def __init__(self, twin: Twin, books: list[bytes], training: Histories):
        """Sets the model up.

        Args:
          twin: what is judged.
          books: today's books by id. What the twin does not know of them it neither uses nor recommends.
          training: what each reader has read, in today's ids.
        """
        rows = {book: row for row, book in enumerate(twin.books)}
        row = np.array([rows.get(book, -1) for book in books], np.int64)
        known = row >= 0
        self.known: npt.NDArray[np.bool_] = known
        """`[books]`: whether the twin knows the book."""
        towers = twin.towers
        width = towers.candidate_table.shape[1]
        query, candidate = (np.zeros((len(books), width), np.float32) for _ in range(2))
        query[known], candidate[known] = towers.query_table[row[known]], towers.candidate_table[row[known]]
        neighbours = None
        if towers.neighbours is not None:
            # [today's books, the twin's books]
            places = sp.csr_matrix(
                (np.ones(int(known.sum()), np.float32), (np.flatnonzero(known), row[known])),
                (len(books), len(twin.books)),
            )
            neighbours = (places @ towers.neighbours @ places.T).tocsr()
        self.towers = BookTowers(query, candidate, neighbours)
        """The twin's, in today's ids; zeros for books that it does not know."""
        self.popularity: Popularity | None = None
        """float32 `[books]`: the twin's for strangers, minus infinity for books that it does not know."""
        if twin.popularity is not None:
            self.popularity = np.full(len(books), -np.inf, np.float32)
            self.popularity[known] = twin.popularity[row[known]]
        self._training = training

    def scores(self, users: Ids) -> Table:
        """Returns float32 `[n, books]` for `users` `[n]`; minus infinity for books that the twin does not know."""
        scores = self.towers.scores(self._training, users)
        scores[:, ~self.known] = -np.inf
        return scores
