"""The checks that a model must pass to be pushed."""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.artifacts.verdict import Check
from components.evaluation.evaluation_parameters import EvaluationParameters
from core.terminal_text import one_line
from evaluation.bootstrap import paired_interval
from evaluation.metrics import mean

PerUser = npt.NDArray[np.float64]


def better_than_popularity(model: PerUser, popularity: PerUser, parameters: EvaluationParameters) -> Check:
    """Checks that Recall@20 beats popularity's: the confidence interval of the difference is above zero.

    Args:
      model: `[n]`: Recall@20 of each hold-out user.
      popularity: `[n]`: popularity's, for the same users.
      parameters: resamples and seed.
    """
    low, high = paired_interval(model, popularity, parameters.resamples, parameters.seed)
    found = f"{mean(model):.4f} against {mean(popularity):.4f}; difference {low:+.4f} to {high:+.4f}"
    return Check("Recall@20 against popularity", found, "difference above 0", low > 0)


def not_worse_than_served(model: PerUser, served: PerUser, parameters: EvaluationParameters) -> Check:
    """Checks that Recall@20 is not inferior to the served model's.

    The whole confidence interval of the difference must lie above the tolerated loss: a test of non-inferiority
    (Wellek, Testing statistical hypotheses of equivalence and noninferiority, 2010).

    Args:
      model: `[n]`: Recall@20 of each hold-out user.
      served: `[n]`: the served model's, for the same users.
      parameters: tolerated loss, resamples and seed.
    """
    low, high = paired_interval(model, served, parameters.resamples, parameters.seed)
    least = -parameters.max_recall_loss * mean(served)
    found = f"{mean(model):.4f} against {mean(served):.4f}; difference {low:+.4f} to {high:+.4f}"
    needed = f"difference above {least:+.4f} (--evaluation.max-recall-loss {parameters.max_recall_loss:g})"
    return Check("Recall@20 against the served model", found, needed, low >= least)


def covers_enough(reachable_coverage: float, parameters: EvaluationParameters) -> Check:
    """Checks the catalogue coverage of the recommendations."""
    needed = f"at least {parameters.min_coverage:.1%} (--evaluation.min-coverage)"
    passed = reachable_coverage >= parameters.min_coverage
    return Check("coverage of the recommendations", f"{reachable_coverage:.1%}", needed, passed)


def knows_enough(known: npt.NDArray[np.bool_], parameters: EvaluationParameters) -> Check:
    """Checks the share of today's books that the model knows; `known` is `[books]`, True for known books."""
    share = float(known.mean()) if len(known) else 0.0
    needed = f"at least {parameters.min_known_books:.1%} (--evaluation.min-known-books)"
    return Check("today's books that it knows", f"{share:.1%}", needed, share >= parameters.min_known_books)


def index_finds_enough(recall: float, parameters: EvaluationParameters) -> Check:
    """Checks the recall of a partitioned index against exact search."""
    needed = f"at least {parameters.min_index_recall:.1%} (--evaluation.min-index-recall)"
    return Check("best books that the index finds", f"{recall:.1%}", needed, recall >= parameters.min_index_recall)


def slices_hold(
    model: dict[str, tuple[float, int]], popularity: dict[str, tuple[float, int]], parameters: EvaluationParameters
) -> list[Check]:
    """Checks Recall@20 in each slice of users, given by name as (recall, number of users)."""
    checks = []
    for name, (recall, readers) in model.items():
        least = parameters.min_slice_lift * popularity[name][0]
        needed = f"at least {least:.4f} (--evaluation.min-slice-lift {parameters.min_slice_lift:g} x popularity)"
        what = f"Recall@20, readers of {name} books"
        checks.append(Check(what, f"{recall:.4f} of {readers:,} readers", needed, recall >= least))
    return checks


def books_hold(slices: dict[str, float], parameters: EvaluationParameters) -> Check:
    """Checks Recall@20 on the held-out books of each slice, given by name, and reports the worst slice."""
    worst = min(slices, key=lambda name: slices[name])
    needed = f"at least {parameters.min_book_recall:.4f} (--evaluation.min-book-recall)"
    passed = slices[worst] >= parameters.min_book_recall
    return Check("Recall@20, the worst kind of books", f"{slices[worst]:.4f} in {worst}", needed, passed)


def served_unusable(reason: str, parameters: EvaluationParameters) -> Check:
    """Returns the check of a served model that cannot be compared; `unusable_served` decides whether it passes."""
    passed = parameters.unusable_served == "replace"
    needed = "a model to compare with, or --evaluation.unusable-served replace"
    return Check("Recall@20 against the served model", f"not compared: {reason}", needed, passed)


def lists_hold(exposure: dict[str, Any], parameters: EvaluationParameters) -> Check:
    """Checks the exposure drift of the readers' lists."""
    found = f"{exposure['drift']:.1%}, of {exposure['readers']:,} readers"
    needed = f"at most {parameters.max_exposure_drift:.1%} (--evaluation.max-exposure-drift)"
    passed = exposure["drift"] <= parameters.max_exposure_drift
    return Check("places that went to other books", found, needed, passed)


def no_book_leaps(exposure: dict[str, Any], parameters: EvaluationParameters) -> Check:
    """Checks that no book's exposure leaps, and names the books that leapt."""
    risen = exposure["risen"]
    leapt = [book for book in risen if book["leap"] > parameters.max_exposure_rise]
    found = "; ".join(
        f"{one_line(book['isbn'])}: in {book['after']:.1%} of the lists, before in {book['before']:.1%}; its "
        f"{book['readers']:,} readers have {book['books_of_a_reader'] or 0:g} books each in the median"
        for book in leapt or risen[:1]
    )
    needed = (
        f"three times the share before, and {parameters.max_exposure_rise:.1%} on top "
        "(--evaluation.max-exposure-rise): look for made-up "
        "accounts among its readers, and leave their reviews out; raise the bound once for a new best seller"
    )
    return Check("books that rose in readers' lists", found or "none", needed, not leapt)


def strangers_hold(exposure: dict[str, Any], parameters: EvaluationParameters) -> Check:
    """Checks how many books are new at the top for unknown users, and names them."""
    new = exposure["new_for_strangers"]
    if new is None:
        return Check(
            "books new for strangers",
            "not compared: a hold-out model from before they were kept",
            "nothing",
            passed=True,
        )
    found = "; ".join(
        f"{one_line(book['isbn'])}: place {book['place']}, "
        + ("before unknown" if book["former_place"] is None else f"before {book['former_place']:,}")
        for book in new
    )
    needed = (
        f"at most {parameters.max_new_for_strangers} (--evaluation.max-new-for-strangers): look for made-up accounts "
        "among their readers, and leave their reviews out; raise the bound once for a new best seller"
    )
    return Check("books new for strangers", found or "none", needed, len(new) <= parameters.max_new_for_strangers)
