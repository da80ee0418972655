"""The study on a judge whose answers are known: what is drawn, pruned, repeated and remembered."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState

from trainer.hyperparameters import Hyperparameters
from trainer.tuning.parameters import Axis
from trainer.tuning.study import CONFIGURED, FIRST_TRIALS, FOLDS, KILLED, READERS, VALUES, Study

pytestmark = pytest.mark.integration

BASE = Hyperparameters(max_epochs=8)
AXES = {
    "learning_rate": Axis(low=0.001, high=0.1, log=True),
    "parts": Axis(choices=(("trained", "closed_form", "regression"), ("closed_form", "regression"))),
    "temperatures": Axis(choices=((0.2,), (0.3,))),
    "batch_users": Axis(low=8, high=32),
}


class KnownFolds:
    """Two folds of two readers. A learning rate is the better the nearer it is to 0.02; without towers it is 0.5."""

    def __init__(self) -> None:
        self.judged: list[Hyperparameters] = []

    def __len__(self) -> int:
        return 2

    def recalls(
        self, fold: int, parameters: Hyperparameters, report: Callable[[float], None] | None = None
    ) -> np.ndarray:
        if fold == 0:
            self.judged.append(parameters)
        value = 0.5
        if "trained" in parameters.parts:
            value = 1 / (1 + abs(np.log10(parameters.learning_rate / 0.02)))
            for epoch in range(8) if report else ():
                report(value * (epoch + 1) / 8)
        return np.array([value, value + 0.1 * fold])


class KilledError(BaseException):
    """Ends a trial as a signal does: Optuna hears nothing of it."""


def run(study: Study, folds: KnownFolds, trials: int) -> list[FrozenTrial]:
    first = study.resume()
    return [study.run_trial(folds, number, 50) for number in range(first, first + trials)]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, KnownFolds]:
    study, folds = Study(tmp_path_factory.mktemp("study") / "study.sqlite", AXES, BASE), KnownFolds()
    run(study, folds, 30)
    return study, folds


def test_the_first_trial_is_what_is_configured(search: tuple[Study, KnownFolds]) -> None:
    study, folds = search
    assert folds.judged[0] == BASE
    first = study.trials[0]
    # What the axes do not hold, the temperatures and the unset batch, is left as it is.
    assert first.user_attrs[VALUES] == {"parts": list(BASE.parts), "learning_rate": 0.005}
    assert [bool(trial.user_attrs.get(CONFIGURED)) for trial in study.trials] == [True] + [False] * 29


def test_draws_are_within_the_axes_and_only_what_matters_is_drawn(search: tuple[Study, KnownFolds]) -> None:
    study, folds = search
    drawn = [trial.user_attrs[VALUES] for trial in study.trials[1:]]
    assert {tuple(values["parts"]) for values in drawn} == set(AXES["parts"].choices)
    for values in drawn:
        assert set(values) == (set(AXES) if "trained" in values["parts"] else {"parts"})
    trained = [values for values in drawn if "trained" in values["parts"]]
    assert len({values["learning_rate"] for values in trained}) == len(trained) > 5
    assert all(0.001 <= values["learning_rate"] <= 0.1 and 8 <= values["batch_users"] <= 32 for values in trained)
    assert {tuple(values["temperatures"]) for values in trained} == {(0.2,), (0.3,)}
    assert all(isinstance(values["batch_users"], int) for values in trained)
    asked = [parameters.model_dump(mode="json") for parameters in folds.judged]
    assert all(any(values.items() <= each.items() for each in asked) for values in drawn)


def test_values_remembered_are_those_of_the_folds(search: tuple[Study, KnownFolds]) -> None:
    study, _ = search
    for trial in study.trials:
        if trial.state == TrialState.COMPLETE:
            low, high = trial.user_attrs[READERS]
            assert trial.value == pytest.approx((low + high) / 2)
            assert high - low == pytest.approx(0.05, abs=2e-6)
            assert np.diff(trial.user_attrs[FOLDS]) == pytest.approx([0.05])
            assert trial.value == pytest.approx(np.mean(trial.user_attrs[FOLDS]), abs=1e-6)


def test_what_is_worse_than_the_others_is_pruned_and_the_best_is_not(search: tuple[Study, KnownFolds]) -> None:
    study, _ = search
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert pruned
    assert len(pruned) + len(complete) == len(study.finished()) == 30
    assert not any(trial.number < FIRST_TRIALS for trial in pruned)
    assert all(FOLDS not in trial.user_attrs or len(trial.user_attrs[FOLDS]) < 3 for trial in pruned)
    assert any(FOLDS not in trial.user_attrs for trial in pruned), "none by its validation by epoch"
    best = max(complete, key=lambda trial: trial.value)
    assert best.value > study.trials[0].value
    assert best.user_attrs[VALUES]["learning_rate"] == pytest.approx(0.02, rel=0.5)


def test_the_same_values_are_judged_once(search: tuple[Study, KnownFolds]) -> None:
    study, folds = search
    plain = [trial for trial in study.trials if trial.user_attrs[VALUES] == {"parts": ["closed_form", "regression"]}]
    assert len(plain) > 1
    assert len({trial.value for trial in plain}) == 1
    assert sum(parameters.parts == ("closed_form", "regression") for parameters in folds.judged) == 1


def test_a_killed_trial_is_not_counted_and_made_again_and_the_search_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = Study(tmp_path / "whole.sqlite", AXES, BASE)
    run(whole, KnownFolds(), 12)

    class Killer(KnownFolds):
        """Ends the process, as it were, in the fold with a number."""

        def __init__(self, last: int):
            super().__init__()
            self._left = last

        def recalls(
            self, fold: int, parameters: Hyperparameters, report: Callable[[float], None] | None = None
        ) -> np.ndarray:
            self._left -= 1
            if self._left == 0:
                raise KilledError
            return super().recalls(fold, parameters, report)

    for last in (2, 3, 5):
        study = Study(tmp_path / "killed.sqlite", AXES, BASE)
        with pytest.raises(KilledError):
            run(study, Killer(last), 12)
        assert study.trials[-1].state == TrialState.RUNNING
    study = Study(tmp_path / "killed.sqlite", AXES, BASE)
    run(study, KnownFolds(), 12 - len(study.finished()))

    assert len([trial for trial in study.trials if trial.state == TrialState.FAIL]) == 3
    assert all(trial.user_attrs[KILLED] for trial in study.trials if trial.state == TrialState.FAIL)
    assert len(study.finished()) == 12
    for one, other in zip(study.finished(), whole.finished(), strict=True):
        assert (one.user_attrs[VALUES], one.value, one.state) == (other.user_attrs[VALUES], other.value, other.state)
        assert one.user_attrs.get(CONFIGURED) == other.user_attrs.get(CONFIGURED)


def test_a_trial_that_fails_is_not_drawn_again(tmp_path: Path) -> None:
    class Failing(KnownFolds):
        def recalls(self, *_: object) -> np.ndarray:
            raise MemoryError

    study = Study(tmp_path / "study.sqlite", {"learning_rate": AXES["learning_rate"]}, BASE)
    run(study, KnownFolds(), 1)
    for _ in range(2):
        with pytest.raises(MemoryError):
            run(study, Failing(), 1)
    _, first, second = (trial.user_attrs[VALUES]["learning_rate"] for trial in study.trials)
    assert first != second
    assert len(study.finished()) == 1


def test_what_is_configured_is_judged_again_until_it_has_been(tmp_path: Path) -> None:
    class Failing(KnownFolds):
        def recalls(self, *_: object) -> np.ndarray:
            raise MemoryError

    study = Study(tmp_path / "study.sqlite", AXES, BASE)
    with pytest.raises(MemoryError):
        run(study, Failing(), 1)
    assert not study.has_baseline()
    run(study, KnownFolds(), 2)
    assert study.has_baseline()
    assert [CONFIGURED in trial.user_attrs for trial in study.finished()] == [True, False]
