"""What the new model shows against the served one: figures for the metrics, checks for the gate, lines for the run."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from components import model_gate
from components.evaluation_parameters import EvaluationParameters
from components.verdict import Check
from trainer.exposure import Moved, leaps, moved, newcomers, places
from trainer.interactions import Histories, Ids
from trainer.judged_model import JudgedModel
from trainer.popularity import Popularity
from transform.terminal_text import one_line

MOST_MOVERS: Final = 5
SHOWN_TO_STRANGERS: Final = 20
NEAR_FOR_STRANGERS: Final = 100
USUAL_TIMES: Final = 3.0
"""To how many times as many lists a book may rise as far as it likes."""


def compare_exposure(
    served: JudgedModel,
    model: JudgedModel,
    lists: tuple[Ids, Ids],
    books: list[bytes],
    training: Histories,
    parameters: EvaluationParameters,
) -> tuple[list[Check], dict[str, Any]]:
    """Compares what two models show.

    Args:
      served: the served model's twin.
      model: the new one's.
      lists: `[n, k]` of each for the same readers, whom the served model knows.
      books: today's books by id.
      training: what each reader has read.
      parameters: the bounds.

    Returns:
      The checks, and what goes into the metrics.
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
    """Yields the largest movers as a table, a line each, from what `compare_exposure` returns."""
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
        yield f"new for strangers: {one_line(book['isbn'], 60)}, before {former}, now place {book['place']:,}"


def _movers(shift: Moved, books: list[bytes], training: Histories) -> dict[str, list[dict[str, Any]]]:
    """Returns the books that leapt most and fell most, as far as any rose or fell, with who reads them."""
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
    """Returns the books that are new among the first for strangers; None where a twin does not say what those are."""
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
