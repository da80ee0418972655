"""The study: every trial of a search, in one SQLite file that outlives the process, however it ends.

A trial is judged fold after fold. It is pruned where its validation by epoch, in the first fold, or its mean Recall@20
after a fold is below the median of the earlier trials at the same point.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from trainer.folds import Folds
from trainer.hyperparameters import Hyperparameters
from trainer.schedule import schedule_for
from trainer.tuning_parameters import OF_TRAINED_TOWERS, WHOLE_NUMBERS, Axis

NAME: Final = "readalike"
FINISHED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
LOCK_SECONDS: Final = 60

# Trials at random before the sampler and the pruner have something to go by.
FIRST_TRIALS: Final = 4

# What a trial remembers beside what Optuna keeps.
CONFIGURED: Final = "configured"
KILLED: Final = "killed"
VALUES: Final = "values"
FOLDS: Final = "recall_at_20_by_fold"
READERS: Final = "recall_at_20_by_reader"

# The number of the first fold's report; those of epochs are below.
FOLD_STEP: Final = 1_000_000


class Study:
    """A study in a file. One process at a time may open it with `resume`; its workers open it without."""

    def __init__(self, file: Path, axes: dict[str, Axis], base: Hyperparameters):
        """Opens the study in `file`, and makes it if it is missing.

        Args:
          file: the SQLite file.
          axes: what is searched.
          base: the configured hyper-parameters.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._axes, self._base = axes, base
        self._storage = optuna.storages.RDBStorage(
            f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}}
        )
        self._study = optuna.create_study(
            storage=self._storage, study_name=NAME, direction="maximize", load_if_exists=True
        )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, the killed ones among them."""
        return self._study.get_trials(deepcopy=False)

    def finished(self) -> list[FrozenTrial]:
        """Returns the trials that came to an end: complete or pruned."""
        return [trial for trial in self.trials if trial.state in FINISHED]

    def has_baseline(self) -> bool:
        """Returns whether the configured hyper-parameters have been judged."""
        return any(CONFIGURED in trial.user_attrs for trial in self.finished())

    def resume(self) -> int:
        """Takes up the study: whatever still seems to run was killed, and is queued again.

        What is configured is queued too, unless it has been judged.

        Returns:
          The number of the next draw: that of the trials that drew values of their own.
        """
        for trial in self.trials:
            if trial.state == TrialState.RUNNING:
                self._storage.set_trial_user_attr(trial._trial_id, KILLED, True)
                self._study.tell(trial.number, state=TrialState.FAIL)
                if CONFIGURED not in trial.user_attrs:
                    self._study.enqueue_trial({**trial.system_attrs.get("fixed_params", {}), **trial.params})
        if not any(CONFIGURED in trial.user_attrs and trial.state != TrialState.FAIL for trial in self.trials):
            values = self._base.model_dump(mode="json")
            known = {
                name: _stored(axis, values[name]) for name, axis in self._axes.items() if _holds(axis, values[name])
            }
            self._study.enqueue_trial(known, {CONFIGURED: True})
        waiting = TrialState.WAITING
        return sum(KILLED not in trial.user_attrs and trial.state != waiting for trial in self.trials)

    def run_trial(self, folds: Folds, seed: int, readers: int) -> FrozenTrial:
        """Makes one trial, the next that is queued or a new one. Returns it.

        Args:
          folds: what it is judged by.
          seed: of what is drawn.
          readers: readers with training books.
        """
        warm_up = schedule_for(readers, self._base).epochs // 4
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_TRIALS)
        self._study.pruner = optuna.pruners.MedianPruner(FIRST_TRIALS, n_warmup_steps=warm_up)
        ended: list[FrozenTrial] = []
        self._study.optimize(
            lambda trial: self._judge(trial, folds), n_trials=1, callbacks=[lambda _, trial: ended.append(trial)]
        )
        return ended[0]

    def _judge(self, trial: optuna.Trial, folds: Folds) -> float:
        """Judges one draw, and lets the trial remember its values and its Recall@20 by fold and by reader."""
        values = self._drawn(trial)
        trial.set_user_attr(VALUES, values)
        twin = next((each for each in self.finished() if each.user_attrs.get(VALUES) == values), None)
        if twin is not None:
            return _repeated(trial, twin)
        parameters = Hyperparameters(**{**self._base.model_dump(), **values})
        recalls: list[np.ndarray] = []
        for fold in range(len(folds)):
            recalls.append(folds.recalls(fold, parameters, _Reports(trial) if fold == 0 else None))
            trial.set_user_attr(FOLDS, [float(np.mean(each)) for each in recalls])
            _report(trial, FOLD_STEP + fold, float(np.mean(recalls)))
        by_reader = np.mean(recalls, axis=0)
        trial.set_user_attr(READERS, [round(float(each), 6) for each in by_reader])
        return float(np.mean(by_reader))

    def _drawn(self, trial: optuna.Trial) -> dict[str, Any]:
        """Returns the values of a trial: those of the axes that matter beside the parts that were drawn first."""
        values: dict[str, Any] = {}
        for name in sorted(self._axes, key=lambda name: name != "parts"):
            parts = values.get("parts", self._base.parts)
            if name in OF_TRAINED_TOWERS and "trained" not in parts:
                continue
            configured = self._base.model_dump(mode="json")[name]
            if trial.user_attrs.get(CONFIGURED) and not _holds(self._axes[name], configured):
                continue
            values[name] = _draw(trial, name, self._axes[name])
        return values


class _Reports:
    """Tells the pruner of Recall@20 by epoch, and ends what is below the others."""

    def __init__(self, trial: optuna.Trial):
        self._trial, self._epochs = trial, 0

    def __call__(self, value: float) -> None:
        self._epochs += 1
        _report(self._trial, self._epochs, value)


def _report(trial: optuna.Trial, step: int, value: float) -> None:
    trial.report(value, step)
    # Everything is compared with the configured hyper-parameters: they have to be judged to the end.
    if not trial.user_attrs.get(CONFIGURED) and trial.should_prune():
        raise optuna.TrialPruned


def _repeated(trial: optuna.Trial, twin: FrozenTrial) -> float:
    """Gives `trial` the result of an earlier one with the same values."""
    for name in (FOLDS, READERS):
        if name in twin.user_attrs:
            trial.set_user_attr(name, twin.user_attrs[name])
    if twin.state == TrialState.PRUNED or twin.value is None:
        raise optuna.TrialPruned
    return twin.value


def _draw(trial: optuna.Trial, name: str, axis: Axis) -> Any:
    if axis.choices:
        return json.loads(trial.suggest_categorical(name, [json.dumps(choice) for choice in axis.choices]))
    low, high = axis.named
    if name in WHOLE_NUMBERS:
        return trial.suggest_int(name, int(low), int(high), log=axis.log)
    return trial.suggest_float(name, low, high, log=axis.log)


def _stored(axis: Axis, value: Any) -> Any:
    """Returns `value` as the study holds it: choices are text there, for a database knows no lists."""
    return json.dumps(value) if axis.choices else value


def _holds(axis: Axis, value: Any) -> bool:
    if axis.choices:
        return json.dumps(value) in [json.dumps(choice) for choice in axis.choices]
    low, high = axis.named
    return value is not None and low <= value <= high
