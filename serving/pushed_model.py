"""A pushed model in this process, asked through its signatures like TF Serving."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import ReleaseError
from serving.answers import Answer, Recommendation
from storage.plain_paths import plain_path
from transform import features


class PushedModel:
    """One version in a push folder."""

    def __init__(self, folder: Path):
        """Loads the model.

        Raises:
          ReleaseError: the model in `folder` cannot be loaded.
        """
        with quiet_libraries():
            import tensorflow as tf  # The import takes seconds, so callers check their arguments first.

            self.folder = folder
            try:
                with plain_path(folder) as plain:
                    self._model = tf.saved_model.load(str(plain))
                self._recommend = self._model.signatures[features.RECOMMEND_SIGNATURE]
                self.facts: dict[str, Any] = json.loads((folder / features.MODEL_FACTS_FILE).read_text("utf-8"))
            except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
                raise ReleaseError(
                    f"{folder}: is not a model that Readalike pushed, or it is damaged ({type(error).__name__}). "
                    f"Push again, or move the folder out of the push folder to fall back to the version before."
                ) from error
        self._constant = tf.constant

    @property
    def version(self) -> str:
        """The version's number."""
        return self.folder.name

    def recommend(self, user_ids: Sequence[str], k: int) -> list[Answer]:
        """Returns up to `k` recommendations for each pseudonym.

        Raises:
          ReleaseError: `k` is not between 1 and `MOST_BOOKS_ASKED`.
        """
        if not 1 <= k <= features.MOST_BOOKS_ASKED:
            raise ReleaseError(f"-k {k}: ask for 1 to {features.MOST_BOOKS_ASKED:,} books.")
        answer = self._recommend(
            **{
                features.SERVED_USER_ID: self._constant(list(user_ids)),
                features.SERVED_EXCLUDE: self._constant([[""]] * len(user_ids)),
                features.SERVED_K: self._constant([k] * len(user_ids)),
            }
        )
        columns = (
            answer[name].numpy() for name in (features.SERVED_ISBN, features.SERVED_SCORE, features.SERVED_KNOWN_USER)
        )
        return [
            Answer(
                [
                    Recommendation(isbn.decode("utf-8", "surrogateescape"), float(score))
                    for isbn, score in zip(isbns, scores, strict=True)
                    if isbn
                ],
                bool(known),
            )
            for isbns, scores, known in zip(*columns, strict=True)
        ]

    def read_books(self, user_id: str) -> list[str]:
        """Returns the books that a reader has reviewed; empty for an unknown reader."""
        [books] = self._model.read_books(self._constant([user_id])).numpy()
        return [isbn.decode("utf-8") for isbn in books if isbn]

    def example_users(self, count: int) -> list[str]:
        """Returns up to `count` pseudonyms of readers with a history of typical length."""
        return [user.decode("ascii") for user in self._model.example_users(self._constant(count)).numpy()]


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Discards what TensorFlow's C++ code writes to the standard error stream while it loads, at any log level."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
