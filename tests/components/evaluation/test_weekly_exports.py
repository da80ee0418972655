"""The gate on a shop's exports: ten honest weeks pass, made-up accounts that lift a book do not."""

from functools import cache

import numpy as np
import pytest

from components.artifacts.verdict import table
from components.evaluation.evaluation_parameters import EvaluationParameters
from components.evaluation.holdout_scorer import HoldoutScorer
from components.evaluation.retrieval_evaluator import Holdout, Verdict, evaluate
from components.evaluation.served_model import ServedModel
from data.histories import group_by_user, joined
from tests.components.evaluation.weekly_exports import Reviews, bots, holdout_of, least_read, weekly_exports
from trainer.export.holdout_model import HoldoutModel, hash_interactions
from trainer.hyperparameters import Hyperparameters
from trainer.models.popularity import popularity_for_strangers
from trainer.selection.model_configuration import fit
from trainer.selection.selection import choose

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("weekly exports")]

PARAMETERS = Hyperparameters(parts=("closed_form", "regression"))
ROSE = "books that rose in readers' lists"


@cache
def exports() -> list[Reviews]:
    return weekly_exports()


def trained(export: Reviews) -> tuple[Holdout, HoldoutModel]:
    """What Trainer makes of an export: a recipe chosen on validation, and the hold-out model by it."""
    holdout = holdout_of(export)
    training, books = holdout.training, len(holdout.books)
    chosen = choose(training, books, PARAMETERS, None)
    everything = group_by_user(joined(holdout.train, holdout.heldout), len(holdout.users))
    trained_on = np.sort(hash_interactions(holdout.users.tokens, holdout.books.tokens, holdout.train))
    towers = fit(training, books, chosen.configuration, PARAMETERS)
    return holdout, HoldoutModel(towers, holdout.books.tokens, trained_on, popularity_for_strangers(everything, books))


@cache
def of_week(week: int) -> tuple[Holdout, HoldoutModel]:
    return trained(exports()[week])


def judge(holdout: Holdout, holdout_model: HoldoutModel, served: HoldoutModel) -> Verdict:
    model = HoldoutScorer(holdout_model, holdout.books.tokens, holdout.training)
    return evaluate(holdout, model, ServedModel("1", served, ""), EvaluationParameters(), PARAMETERS)


@pytest.mark.parametrize("week", range(1, 11))
def test_an_honest_week_passes(week: int) -> None:
    verdict = judge(*of_week(week), of_week(week - 1)[1])
    assert all(check.passed for check in verdict.checks), table(verdict.checks)


@pytest.mark.parametrize(("others", "among"), [(2, 20), (9, 20), (9, 200), (24, 200)])
def test_made_up_accounts_that_lift_a_book_are_refused_and_the_book_is_named(others: int, among: int) -> None:
    """250 accounts beside 2,400 readers, in the week after the served model was trained."""
    target = least_read(exports()[0])
    accounts = bots(exports()[0], target, others, among)
    verdict = judge(*trained(exports()[1] + accounts), of_week(0)[1])
    refused = {check.what: check.found for check in verdict.checks if not check.passed}
    assert refused[ROSE].startswith(target.decode())
