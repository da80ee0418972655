"""A model's answers, the same for a model in this process and for one on a server."""

from typing import NamedTuple


class Recommendation(NamedTuple):
    """One recommended book, and its score: a dot product of vectors, or, for an unknown reader, a share of users."""

    isbn: str
    score: float


class Answer(NamedTuple):
    """The recommended books for one reader or one book."""

    books: list[Recommendation]
    """Best first; fewer than requested if no more are left."""

    known: bool
    """Whether the model knows the requested reader or book. An unknown reader gets the most popular books."""
