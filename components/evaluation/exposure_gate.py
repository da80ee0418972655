"""Compares the new and the served model's exposure of books: metrics, checks for the gate, and lines to log."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from components.artifacts.verdict import Check
from components.evaluation import model_gate
from components.evaluation.evaluation_parameters import EvaluationParameters
from components.evaluation.holdout_scorer import HoldoutScorer
from core.terminal_text import one_line
from data.histories import Histories, Ids
from evaluation.exposure import Moved, leaps, moved, newcomers, places
from trainer.models.popularity import Popularity

MOST_MOVERS: Final = 5
SHOWN_TO_STRANGERS: Final = 20
NEAR_FOR_STRANGERS: Final = 100
USUAL_TIMES: Final = 3.0
"""Factor of exposure up to which a rise does not count as a leap."""


def compare_exposure(
    served: HoldoutScorer,
    model: HoldoutScorer,
    lists: tuple[Ids, Ids],
    books: list[bytes],
    training: Histories,
    parameters: EvaluationParameters,
) -> tuple[list[Check], dict[str, Any]]:
    """Compares the exposure of books by two models.

    Args:
      served: the served model's hold-out model.
      model: the new model's hold-out model.
      lists: `[n, k]` of the served and of the new model, for the same readers, all known to the served model.
      books: today's books by id.
      training: each user's training books.
      parameters: the thresholds.

    Returns:
      The checks, and the metrics.
    """
    shift = moved(*lists, len(books))
    strangers = _strangers(served.popularity, model.popularity, books)
    facts = {
        "readers": len(lists[0]),
        "drift": shift.drift,
        "places_in_common": shift.overlap,
        **_movers(shift, books, training),
        "new_for_strangers": strangers,
    }
    return [
        model_gate.lists_hold(facts, parameters),
        model_gate.no_book_leaps(facts, parameters),
        model_gate.strangers_hold(facts, parameters),
    ], facts


def lines(exposure: dict[str, Any]) -> Iterator[str]:
    """Yields lines about `compare_exposure`'s metrics: drift, a table of the largest movers, and new books."""
    yield (
        f"lists of {exposure['readers']:,} readers against the served model's: {exposure['drift']:.1%} of the places "
        f"went to other books, {exposure['places_in_common']:.1%} of each list stayed"
    )
    movers = (*exposure["risen"], *exposure["fallen"])
    if movers:
        yield f"{'largest movers, by share of the lists':<60} {'before':>8} {'after':>8} {'readers':>9}"
    for mover in movers:
        yield (
            f"{one_line(mover['isbn'], 60):<60} {mover['before']:>8.1%} {mover['after']:>8.1%} {mover['readers']:>9,}"
        )
    for book in exposure["new_for_strangers"] or ():
        former = "unknown" if book["former_place"] is None else f"place {book['former_place']:,}"
        yield f"new for unknown users: {one_line(book['isbn'], 60)}, before {former}, now place {book['place']:,}"


def _movers(shift: Moved, books: list[bytes], training: Histories) -> dict[str, list[dict[str, Any]]]:
    """Returns the books that leapt and fell most, at most `MOST_MOVERS` each, with figures on their users."""
    change, leap = shift.after - shift.before, leaps(shift.before, shift.after, USUAL_TIMES)
    risen, fallen = (
        [int(book) for book in np.argsort(-order, kind="stable") if way[book] > 0][:MOST_MOVERS]
        for order, way in ((leap, change), (-change, -change))
    )
    return {
        name: [_mover(book, shift, float(leap[book]), books, training) for book in found]
        for name, found in (("risen", risen), ("fallen", fallen))
    }


def _mover(book: int, shift: Moved, leap: float, books: list[bytes], training: Histories) -> dict[str, Any]:
    sizes = training.sizes()
    of_readers = np.repeat(sizes, sizes)[training.books == book]
    return {
        "isbn": books[book].decode(errors="replace"),
        "before": float(shift.before[book]),
        "after": float(shift.after[book]),
        "leap": leap,
        "readers": len(of_readers),
        "books_of_a_reader": float(np.median(of_readers)) if len(of_readers) else None,
    }


def _strangers(served: Popularity | None, model: Popularity | None, books: list[bytes]) -> list[dict[str, Any]] | None:
    """Returns the books that are new at the top for unknown users; None if a model lacks popularity scores."""
    if served is None or model is None:
        return None
    before, now = places(served), places(model)
    return [
        {
            "isbn": books[book].decode(errors="replace"),
            "former_place": int(before[book]) + 1 if before[book] >= 0 else None,
            "place": int(now[book]) + 1,
        }
        for book in newcomers(served, model, SHOWN_TO_STRANGERS, NEAR_FOR_STRANGERS)
    ]
