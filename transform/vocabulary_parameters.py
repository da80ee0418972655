"""Limits of the vocabularies of users and books."""

from pydantic import BaseModel, ConfigDict, Field


class VocabularyParameters(BaseModel):
    """Limits on the users and books that get an id.

    A book with an id has a vector in each tower. A user has no vector, only a list of the books read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_user_count: int = Field(default=1, ge=1)
    """Users with fewer training interactions get no id: they are answered as unknown."""

    max_users: int | None = Field(default=None, ge=1)
    """The largest number of users with an id, the most active first. Unset: no limit."""

    min_book_count: int = Field(default=1, ge=1)
    """Books with fewer training interactions get no id: they are never recommended."""

    max_books: int | None = Field(default=None, ge=2)
    """The largest number of books with an id, the most read first. Unset: no limit."""
