"""Sample readers for the report: the books of a dozen readers, and the exported model's recommendations."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from components.artifacts import parquet_examples
from components.artifacts.book_genres import first_genres
from data.example_schema import scalar_column
from evaluation.slices import activity_slices
from report.facts.run import RatedBook, Reader, RecommendedBook
from transform import features
from transform.vocabulary import Vocabulary, read_vocabulary

# Both splits, because the exported model was fitted on both.
SPLITS: Final = (features.TRAIN_SPLIT, features.EVAL_SPLIT)

READERS_OF_EACH: Final = 4
"""Number of sample readers with few, with some and with many books."""

SHARED_FROM: Final = 0.2
"""Minimum share of a reader's books with a genre for it to count as shared with a recommended book."""

UNRATED: Final = 1.0
"""Sort key of books without a rating. Ratings sort by their negatives, so it puts these books last."""

SHOWN_READ: Final = 20
SHOWN_RECOMMENDED: Final = 10


def read_readers(model: str, splits: str, transform_graph: str) -> tuple[Reader, ...]:
    """Returns the sample readers. They are the same for the same data and pseudonym key.

    Args:
      model: Trainer's output, with the exported SavedModel.
      splits: InteractionSplitter's examples.
      transform_graph: Transform's vocabularies.
    """
    vocabulary = tft.TFTransformOutput(transform_graph).vocabulary_file_by_name(features.USER_VOCABULARY)
    chosen = choose_readers(read_vocabulary(vocabulary))
    recommended = recommend(f"{model}/Format-Serving", list(chosen))
    read = read_books(splits, chosen)
    titles = {book[0] for books in recommended.values() for book in books}
    titles |= {book[0] for books in read.values() for book in books}
    genres = read_genres(splits, titles)
    return tuple(_reader(user, chosen[user], read[user], recommended[user], genres) for user in chosen)


def choose_readers(users: Vocabulary) -> dict[bytes, str]:
    """Returns the pseudonyms of sample readers, each with its activity: `few`, `some` or `many` training books.

    From each third of all users, it chooses those with the smallest SHA-256 of their pseudonyms.
    """
    hashes = np.array([hashlib.sha256(token).digest()[:8] for token in users.tokens], "S8")
    chosen: dict[bytes, str] = {}
    for name, mask in activity_slices(users.counts).items():
        third = np.flatnonzero(mask)
        smallest = third[np.argsort(hashes[third], kind="stable")[:READERS_OF_EACH]]
        chosen |= {users.tokens[user]: name for user in smallest}
    return chosen


def recommend(saved_model: str, users: Sequence[bytes]) -> dict[bytes, list[tuple[bytes, float]]]:
    """Returns the recommended books and scores for each of `users`, from the SavedModel in the folder `saved_model`."""
    model = tf.saved_model.load(saved_model)
    answer = model.signatures[features.RECOMMEND_SIGNATURE](
        **{
            features.SERVED_USER_ID: tf.constant(list(users)),
            features.SERVED_EXCLUDE: tf.zeros([len(users), 0], tf.string),
            features.SERVED_K: tf.fill([len(users)], SHOWN_RECOMMENDED),
        }
    )
    books, scores = (answer[name].numpy() for name in (features.SERVED_ISBN, features.SERVED_SCORE))
    return {
        user: [(title, float(score)) for title, score in zip(*row, strict=True) if title]
        for user, *row in zip(users, books, scores, strict=True)
    }


def read_books(splits: str, users: Collection[bytes]) -> dict[bytes, list[tuple[bytes, float | None]]]:
    """Returns the books and ratings of each of `users`: best rated first, unrated last."""
    found: dict[bytes, list[tuple[bytes, float | None]]] = {user: [] for user in users}
    wanted = pa.array(list(users), pa.large_binary())
    names = [features.USER, features.ISBN, features.RATING]
    for table in parquet_examples.read_splits(splits, SPLITS, names):
        own = table.filter(pc.is_in(scalar_column(table, features.USER), value_set=wanted))
        columns = (scalar_column(own, name).to_pylist() for name in names)
        for user, title, stars in zip(*columns, strict=True):
            found[user].append((title, stars))
    for books in found.values():
        books.sort(key=lambda book: (UNRATED if book[1] is None else -book[1], book[0]))
    return found


def read_genres(splits: str, titles: Collection[bytes]) -> dict[bytes, list[str]]:
    """Returns the genres of each of `titles`, from its first review with genres."""
    books = list(titles)
    found, genres = first_genres(splits, SPLITS, books)
    return {books[book]: [_text(genre) for genre in own] for book, own in zip(found, genres, strict=True)}


def _reader(
    user: bytes,
    activity: str,
    read: list[tuple[bytes, float | None]],
    recommended: list[tuple[bytes, float]],
    genres: dict[bytes, list[str]],
) -> Reader:
    often = Counter(genre for title, _ in read for genre in set(genres.get(title, ())))
    offered = {genre for title, _ in recommended for genre in genres.get(title, ())}
    return Reader(
        user_id=_text(user),
        activity=activity,
        books=len(read),
        read=tuple(RatedBook(**_book(title, genres), rating=rating) for title, rating in read[:SHOWN_READ]),
        recommended=tuple(RecommendedBook(**_book(title, genres), score=score) for title, score in recommended),
        shared_genres=tuple(sorted(genre for genre in offered if often[genre] >= SHARED_FROM * len(read))),
    )


def _book(title: bytes, genres: dict[bytes, list[str]]) -> dict[str, Any]:
    return {"title": _text(title), "genres": tuple(genres.get(title, ()))}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
