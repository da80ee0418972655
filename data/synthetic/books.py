"""Titles and genres of synthetic books."""

from collections.abc import Sequence
from typing import Final, TypeVar

from data.synthetic.draws import Draws, Floats
from data.synthetic.parameters import SyntheticParameters
from data.synthetic.words import (
    ADJECTIVES,
    FIRST_NAMES,
    FOREIGN,
    MAIN_GENRES,
    NOUNS,
    OTHER_GENRES,
    PLACES,
    SURNAMES,
)

Item = TypeVar("Item")

# Cumulative shares of titles that are a number or in a foreign language.
NUMBER_SHARE: Final = 0.02
FOREIGN_SHARE: Final = 0.05
NUMBER_DIGITS: Final = 10**9
DRAWS_PER_TITLE: Final = 6

PATTERNS: Final = (
    "The {adjective} {noun}",
    "The {noun} of {place}",
    "{adjective} {noun}, {adjective2} {noun2}",
    "{first} {surname}'s {adjective} {noun}",
    "The {noun} and the {noun2} of {place}",
    'The "{noun}" Papers: {adjective} {noun2} in {place}',
    "{noun} of the {adjective} {noun2}",
    "{first} and the {adjective} {noun}",
    "The {surname} {noun} (The {adjective} {noun2}, #1)",
    '"{adjective} {noun}" and Other Stories',
    "Letters to {first} {surname}: A {noun} in {place}",
    "What {first} Knew About the {noun} of {place}",
)

DRAWS_PER_BOOK: Final = 6
WITHOUT_GENRES_SHARE: Final = 0.05
SECOND_GENRE_SHARE: Final = 0.45
OTHER_GENRE_SHARE: Final = 0.6
ANY_GENRE_SHARE: Final = 0.15


def book_titles(parameters: SyntheticParameters) -> list[str]:
    """Returns a unique title for each book."""
    draws = Draws(parameters.seed, "titles")
    kinds = draws.uniform(parameters.books).tolist()
    numbers = draws.below(parameters.books, NUMBER_DIGITS).tolist()
    parts = [draws.uniform(parameters.books).tolist() for _ in range(DRAWS_PER_TITLE)]
    uses: dict[str, int] = {}
    titles = []
    for kind, number, *drawn in zip(kinds, numbers, *parts, strict=True):
        title = _title(kind, number, drawn)
        while title in uses:
            uses[title] += 1
            title = f"{title}, Book {uses[title]}"
        uses[title] = 1
        titles.append(title)
    return titles


def _title(kind: float, number: int, drawn: Sequence[float]) -> str:
    if kind < NUMBER_SHARE:
        return f"{number:010d}"
    if kind < FOREIGN_SHARE:
        head, tail = _chosen(FOREIGN, drawn[0])
        separator = "" if ord(head[0]) > 0x3000 else " "
        return _chosen(head.split("|"), drawn[1]) + separator + _chosen(tail.split("|"), drawn[2])
    first, second, third, fourth, fifth, pattern = drawn
    return _chosen(PATTERNS, pattern).format(
        adjective=_chosen(ADJECTIVES, first),
        noun=_chosen(NOUNS, second),
        adjective2=_chosen(ADJECTIVES, third),
        noun2=_chosen(NOUNS, fourth),
        place=_chosen(PLACES, fifth),
        first=_chosen(FIRST_NAMES, third),
        surname=_chosen(SURNAMES, fifth),
    )


def book_genres(parameters: SyntheticParameters) -> list[tuple[str, ...]]:
    """Returns the genres of each book: none, or one to four. The book's taste group sets the first."""
    draws = Draws(parameters.seed, "genres")
    columns: list[Floats] = [draws.uniform(parameters.books) for _ in range(DRAWS_PER_BOOK)]
    main = len(MAIN_GENRES)
    genres = []
    for book, drawn in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        without, with_second, with_other, with_any, other, anything = drawn
        group = book % parameters.groups
        found = [MAIN_GENRES[group % main]]
        if with_second < SECOND_GENRE_SHARE:
            # The step differs between groups with the same main genre, so two genres say more about the group than one.
            found.append(MAIN_GENRES[(group + 1 + group // main) % main])
        if with_other < OTHER_GENRE_SHARE:
            found.append(_chosen(OTHER_GENRES, other))
        if with_any < ANY_GENRE_SHARE:
            found.append(_chosen(MAIN_GENRES, anything))
        genres.append(() if without < WITHOUT_GENRES_SHARE else tuple(dict.fromkeys(found)))
    return genres


def _chosen(items: Sequence[Item], uniform: float) -> Item:
    return items[int(uniform * len(items))]
