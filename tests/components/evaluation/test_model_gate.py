"""Every check on numbers that can be worked out by hand, and the table that names what failed."""

import numpy as np
import pytest

from components.artifacts.verdict import Check, table
from components.evaluation import model_gate
from components.evaluation.evaluation_parameters import EvaluationParameters

DEFAULTS = EvaluationParameters()
QUARTER = EvaluationParameters(max_recall_loss=0.25)


def constant(value: float, readers: int = 50) -> model_gate.PerUser:
    """Recalls without spread: the interval of a difference between two of them is the difference itself."""
    return np.full(readers, value)


def test_a_model_must_be_above_popularity_not_level_with_it() -> None:
    assert model_gate.better_than_popularity(constant(0.5), constant(0.25), DEFAULTS).passed
    assert not model_gate.better_than_popularity(constant(0.25), constant(0.25), DEFAULTS).passed
    assert not model_gate.better_than_popularity(constant(0.25), constant(0.5), DEFAULTS).passed


def test_a_lead_over_popularity_that_may_be_chance_is_none() -> None:
    """16 readers of 30 gain a book, 14 lose one: 2 / 30 ahead, give or take 2 x 1 / sqrt(30) = 0.37."""
    chance = np.repeat([1.0, -1.0], [16, 14])
    check = model_gate.better_than_popularity(0.5 + chance / 2, 0.5 - chance / 2, DEFAULTS)
    assert not check.passed
    assert check.found.startswith("0.5333 against 0.4667; difference -")


def test_readers_without_held_out_books_do_not_count() -> None:
    model, popularity = np.array([0.5, 0.5, np.nan]), np.array([0.25, 0.25, np.nan])
    check = model_gate.better_than_popularity(model, popularity, DEFAULTS)
    assert check.passed
    assert check.found == "0.5000 against 0.2500; difference +0.2500 to +0.2500"


@pytest.mark.parametrize(("recall", "passed"), [(0.6, True), (0.5, True), (0.375, True), (0.374, False), (0.0, False)])
def test_a_loss_is_tolerated_up_to_the_edge_and_with_it(recall: float, passed: bool) -> None:
    """A quarter of 0.5 is 0.125, so that 0.375 is the least; all of these are exact in binary but 0.374 and 0.6."""
    check = model_gate.not_worse_than_served(constant(recall), constant(0.5), QUARTER)
    assert check.passed is passed
    assert check.needed == "difference above -0.1250 (--evaluation.max-recall-loss 0.25)"


def test_no_loss_at_all_may_be_asked_for() -> None:
    strict = EvaluationParameters(max_recall_loss=0.0)
    assert model_gate.not_worse_than_served(constant(0.5), constant(0.5), strict).passed
    assert not model_gate.not_worse_than_served(constant(0.499), constant(0.5), strict).passed


@pytest.mark.parametrize(("readers", "passed"), [(100, False), (40_000, True)])
def test_too_few_readers_cannot_show_that_nothing_was_lost(readers: int, passed: bool) -> None:
    """Half the readers gain a book, half lose one: no difference, give or take 2 / sqrt(n) = 0.2 or 0.01."""
    gain = np.tile([0.5, -0.5], readers // 2)
    check = model_gate.not_worse_than_served(0.5 + gain, 0.5 - gain, EvaluationParameters(max_recall_loss=0.05))
    assert check.found.startswith("0.5000 against 0.5000; ")
    assert check.passed is passed


@pytest.mark.parametrize(("coverage", "passed"), [(0.05, True), (0.0499, False), (0.0, False)])
def test_the_coverage_has_a_floor(coverage: float, passed: bool) -> None:
    assert model_gate.covers_enough(coverage, EvaluationParameters(min_coverage=0.05)).passed is passed


@pytest.mark.parametrize(("known", "passed"), [(20, True), (19, True), (18, False), (0, False)])
def test_nineteen_of_twenty_books_must_be_known(known: int, passed: bool) -> None:
    check = model_gate.knows_enough(np.arange(20) < known, EvaluationParameters(min_known_books=0.95))
    assert check.passed is passed
    assert check.found == f"{known * 5}.0%"


def test_no_books_are_not_known() -> None:
    assert not model_gate.knows_enough(np.zeros(0, np.bool_), DEFAULTS).passed


def test_each_slice_of_readers_is_held_against_popularity_in_the_same_slice() -> None:
    model = {"few": (0.25, 1000), "some": (0.5, 20), "many": (0.125, 3)}
    popularity = {"few": (0.25, 1000), "some": (0.125, 20), "many": (0.25, 3)}
    level = model_gate.slices_hold(model, popularity, EvaluationParameters(min_slice_lift=1.0))
    assert [check.passed for check in level] == [True, True, False]
    assert [check.found for check in level] == [
        "0.2500 of 1,000 readers",
        "0.5000 of 20 readers",
        "0.1250 of 3 readers",
    ]
    assert level[2].what == "Recall@20, readers of many books"
    assert level[2].needed.startswith("at least 0.2500 ")
    double = model_gate.slices_hold(model, popularity, EvaluationParameters(min_slice_lift=2.0))
    assert [check.passed for check in double] == [False, True, False]
    half = model_gate.slices_hold(model, popularity, EvaluationParameters(min_slice_lift=0.5))
    assert all(check.passed for check in half)


def test_the_worst_kind_of_books_decides() -> None:
    slices = {"head": 0.5, "tail": 0.0625, "Horror": 0.25}
    check = model_gate.books_hold(slices, EvaluationParameters(min_book_recall=0.0625))
    assert check.passed
    assert check.found == "0.0625 in tail"
    assert not model_gate.books_hold(slices, EvaluationParameters(min_book_recall=0.07)).passed


def test_a_served_model_that_is_no_measure_is_the_policys_affair() -> None:
    refused = model_gate.served_unusable("version 7: no hold-out model", EvaluationParameters(unusable_served="refuse"))
    replaced = model_gate.served_unusable(
        "version 7: no hold-out model", EvaluationParameters(unusable_served="replace")
    )
    assert (refused.passed, replaced.passed) == (False, True)
    assert refused.found == replaced.found == "not compared: version 7: no hold-out model"
    assert "--evaluation.unusable-served replace" in refused.needed


def test_the_table_says_of_what_failed_what_is_needed_and_of_the_rest_what_was_found() -> None:
    text = table(
        [
            Check("coverage", "80.0%", "at least 5.0%", True),
            Check("known books", "50.0%", "at least 95.0%", False),
            Check("recall", "0.1", "at least 0.2", False),
        ]
    )
    assert text.splitlines() == [
        "  ok       coverage     80.0%",
        "  REFUSED  known books  50.0%",
        "                        needed: at least 95.0%",
        "  REFUSED  recall       0.1",
        "                        needed: at least 0.2",
    ]


@pytest.mark.parametrize(
    ("check", "flag"),
    [
        (model_gate.not_worse_than_served(constant(0.1), constant(0.5), DEFAULTS), "--evaluation.max-recall-loss"),
        (model_gate.covers_enough(0.01, DEFAULTS), "--evaluation.min-coverage"),
        (model_gate.knows_enough(np.arange(20) < 10, DEFAULTS), "--evaluation.min-known-books"),
        (model_gate.slices_hold({"few": (0.1, 5)}, {"few": (0.2, 5)}, DEFAULTS)[0], "--evaluation.min-slice-lift"),
        (
            model_gate.books_hold({"tail": 0.1}, EvaluationParameters(min_book_recall=0.2)),
            "--evaluation.min-book-recall",
        ),
        (model_gate.served_unusable("no hold-out model", DEFAULTS), "--evaluation.unusable-served"),
    ],
)
def test_a_refusal_names_the_flag_that_sets_the_bar(check: Check, flag: str) -> None:
    assert not check.passed
    [_, needed] = table([check]).splitlines()
    assert flag in needed


def test_an_index_must_find_its_share_of_the_best_books() -> None:
    assert model_gate.index_finds_enough(0.95, DEFAULTS).passed
    check = model_gate.index_finds_enough(0.949, DEFAULTS)
    assert not check.passed
    assert "--evaluation.min-index-recall" in check.needed
