"""Models of real or made-up reviews, trained briefly by the real code, and what numpy makes of their vectors."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from data.histories import Interactions, group_by_user
from serving.probe import ServedModel
from tests.serving.servers import ROOT
from tests.trainer.export.exports import export_towers
from trainer.export.quantised_table import stored
from trainer.fitting.schedule import Schedule
from trainer.hyperparameters import Hyperparameters
from trainer.models.popularity import popularity_for_strangers
from trainer.models.towers import BookTowers
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, fit

DATA = ROOT.parent / "shared" / "data"
READERS_999 = DATA / "goodbooks-999-users" / "USER_ISBN_RATING_GENRES.csv"
READERS_53000 = DATA / "goodbooks-v1" / "USER_ISBN_RATING_GENRES.csv.gz"
ASKED, TOP_K = 1000, 100
MADE_UP_READERS, MADE_UP_BOOKS = 48, 700
# A request for so many readers may have all books of any of these sets in its answer.
ROWS = 250
EPOCHS = 2
PARAMETERS = Hyperparameters(embedding_dim=64)
WITHOUT_SPARSE_PART = ModelConfiguration(Schedule(256, EPOCHS), temperature=0.1, epochs=EPOCHS)
WITH_SPARSE_PART = WITHOUT_SPARSE_PART._replace(mix=BlendWeights(1, 0, 0.5), compressed=False)


class RealModel(NamedTuple):
    """A served model that the real code has trained."""

    served: ServedModel
    towers: BookTowers
    books: list[bytes]
    """By id."""
    popularity: np.ndarray
    """float32 `[books]`: the share of readers, those of few books counting less."""
    users: list[bytes]
    """Those who are asked about, from the most active to the least."""
    read: np.ndarray
    """bool `[users, books]`, as the reviews say."""
    scores: np.ndarray
    """float64 `[users, books]`, of the vectors that the model gives."""

    def ask(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        return self.served.ask(signature, inputs)


def write_made_up_reviews(file: Path) -> Path:
    """Writes reviews of a few readers, of whom each has read some fifty books, and each book somebody. Returns it."""
    random = np.random.default_rng(0)
    popularity = np.linspace(0.12, 0.0, MADE_UP_BOOKS)
    read = random.random((MADE_UP_READERS, MADE_UP_BOOKS)) < popularity
    read[np.arange(MADE_UP_BOOKS) % MADE_UP_READERS, np.arange(MADE_UP_BOOKS)] = True
    users, books = np.nonzero(read)
    pd.DataFrame({"User": [f"reader {user}" for user in users], "ISBN": [f"book {book}" for book in books]}).to_csv(
        file, index=False
    )
    return file


def fit_and_serve(reviews: Path, configuration: ModelConfiguration, folder: Path) -> RealModel:
    """Trains on the file of reviews, exports to `folder` and loads from there."""
    pairs = pd.read_csv(reviews, dtype=str, keep_default_na=False, usecols=["User", "ISBN"]).drop_duplicates()
    # The most frequent first, as in the vocabularies.
    users, books = (list(pairs[column].value_counts().index) for column in ("User", "ISBN"))
    interactions = Interactions(
        *(
            pd.Index(names).get_indexer(pairs[column]).astype(np.int32)
            for column, names in (("User", users), ("ISBN", books))
        )
    )
    histories = group_by_user(interactions, len(users))
    towers = as_stored(fit(histories, len(books), configuration, PARAMETERS))
    assert (towers.neighbours is None) == configuration.compressed
    encoded_users, encoded_books = ([name.encode() for name in names] for names in (users, books))
    export_towers(folder, towers, encoded_users, encoded_books, histories, TOP_K)

    chosen = np.unique(np.linspace(0, len(users) - 1, ASKED).astype(int))
    asked = pairs[pairs["User"].isin({users[place] for place in chosen})]
    read = np.zeros((len(chosen), len(books)), bool)
    read[
        pd.Index([users[place] for place in chosen]).get_indexer(asked["User"]),
        pd.Index(books).get_indexer(asked["ISBN"]),
    ] = True
    served = ServedModel(folder)
    popularity = popularity_for_strangers(histories, len(books))
    asked_users = [encoded_users[place] for place in chosen]
    scores = exported_scores(served, asked_users, encoded_books)
    return RealModel(served, towers, encoded_books, popularity, asked_users, read, scores)


def as_stored(towers: BookTowers) -> BookTowers:
    """Rounds as the export does."""
    tables = (stored(table).restored() for table in (towers.query_table, towers.candidate_table))
    return BookTowers(*tables, towers.neighbours)


def exported_scores(served: ServedModel, users: list[bytes], books: list[bytes]) -> np.ndarray:
    """The product of the vectors, and on top of it what the readers' sparse part says: float64 `[users, books]`."""
    vectors = user_embeddings(served, users)
    candidates = served.ask("book_embedding", {"isbn": books})["embedding"]
    # [users, dim] @ [dim, books] -> [users, books]
    scores = vectors["embedding"].astype(np.float64) @ candidates.astype(np.float64).T
    near = vectors["near_isbn"]
    rows, columns = np.nonzero(near != b"")
    scores[rows, pd.Index(books).get_indexer(near[rows, columns])] += vectors["near_score"][rows, columns]
    return scores


def user_embeddings(served: ServedModel, users: list[bytes]) -> dict[str, np.ndarray]:
    """Asks for so many vectors at a time that a sparse part of all books is not more than a request may answer."""
    found = [
        served.ask("user_embedding", {"user_id": users[start : start + ROWS]}) for start in range(0, len(users), ROWS)
    ]
    width = max(each["near_isbn"].shape[1] for each in found)
    for each in found:
        missing = ((0, 0), (0, width - each["near_isbn"].shape[1]))
        each["near_isbn"] = np.pad(each["near_isbn"], missing, constant_values=b"")
        each["near_score"] = np.pad(each["near_score"], missing)
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def history_scores(towers: BookTowers, histories: np.ndarray) -> np.ndarray:
    """The scores of readers of the books in `histories`, bool `[n, books]`, of the towers: float64 `[n, books]`."""
    read = sparse.csr_matrix(histories, dtype=np.float64)
    sums = read @ towers.query_table.astype(np.float64)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    scores = sums / lengths @ towers.candidate_table.astype(np.float64).T
    return scores if towers.neighbours is None else scores + (read @ towers.neighbours).toarray() / lengths
