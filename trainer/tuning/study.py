"""The study: every trial of a search, in one SQLite file that survives the process, even if it is killed.

A trial is evaluated fold after fold. It is pruned if its Recall@20 falls below the median of earlier trials at the same
point. The points are each epoch of the first fold (Recall@20 on validation) and the end of each fold (mean so far).
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from trainer.fitting.schedule import schedule_for
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.folds import Folds
from trainer.tuning.parameters import OF_TRAINED_TOWERS, WHOLE_NUMBERS, Axis

NAME: Final = "readalike"
FINISHED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
LOCK_SECONDS: Final = 60

# Start-up trials: random ones, before the sampler and the pruner have enough data.
FIRST_TRIALS: Final = 4

# User attributes of a trial, beside what Optuna stores.
CONFIGURED: Final = "configured"
KILLED: Final = "killed"
VALUES: Final = "values"
FOLDS: Final = "recall_at_20_by_fold"
READERS: Final = "recall_at_20_by_reader"

# Step of the first fold's report; the steps of epochs are below it.
FOLD_STEP: Final = 1_000_000


class Study:
    """A study in a file. Only one process at a time may call `resume`; its workers open the study without it."""

    def __init__(self, file: Path, axes: dict[str, Axis], base: Hyperparameters):
        """Opens the study in `file`, and creates it if it is missing.

        Args:
          file: the SQLite file.
          axes: the search space, by hyper-parameter.
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
        """All trials, including killed ones."""
        return self._study.get_trials(deepcopy=False)

    def finished(self) -> list[FrozenTrial]:
        """Returns the finished trials: complete or pruned."""
        return [trial for trial in self.trials if trial.state in FINISHED]

    def has_baseline(self) -> bool:
        """Returns True if the configured hyper-parameters have been evaluated."""
        return any(CONFIGURED in trial.user_attrs for trial in self.finished())

    def resume(self) -> int:
        """Resumes the study: marks trials still in state RUNNING as killed, and queues them again.

        It also queues the configured hyper-parameters, unless they are queued or evaluated already.

        Returns:
          The number of the next draw: the number of trials, without killed and waiting ones.
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
        """Runs one trial, the next queued one or a new one, and returns it.

        Args:
          folds: the folds to evaluate on.
          seed: seed of the sampler.
          readers: number of users with at least two training books, which sets the schedule.
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
        """Returns the mean Recall@20 of one draw, and stores its values and Recall@20 by fold and user in the trial."""
        values = self._drawn(trial)
        trial.set_user_attr(VALUES, values)
        holdout_model = next((each for each in self.finished() if each.user_attrs.get(VALUES) == values), None)
        if holdout_model is not None:
            return _repeated(trial, holdout_model)
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
        """Returns the values of a trial: the parts first, then the axes that matter for these parts."""
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
    """Reports Recall@20 by epoch to the pruner, which may end the trial."""

    def __init__(self, trial: optuna.Trial):
        self._trial, self._epochs = trial, 0

    def __call__(self, value: float) -> None:
        self._epochs += 1
        _report(self._trial, self._epochs, value)


def _report(trial: optuna.Trial, step: int, value: float) -> None:
    trial.report(value, step)
    # Every trial is compared with the configured hyper-parameters, so theirs is never pruned.
    if not trial.user_attrs.get(CONFIGURED) and trial.should_prune():
        raise optuna.TrialPruned


def _repeated(trial: optuna.Trial, holdout_model: FrozenTrial) -> float:
    """Copies to `trial` the result of an earlier one with the same values, and returns its Recall@20."""
    for name in (FOLDS, READERS):
        if name in holdout_model.user_attrs:
            trial.set_user_attr(name, holdout_model.user_attrs[name])
    if holdout_model.state == TrialState.PRUNED or holdout_model.value is None:
        raise optuna.TrialPruned
    return holdout_model.value


def _draw(trial: optuna.Trial, name: str, axis: Axis) -> Any:
    if axis.choices:
        return json.loads(trial.suggest_categorical(name, [json.dumps(choice) for choice in axis.choices]))
    low, high = axis.named
    if name in WHOLE_NUMBERS:
        return trial.suggest_int(name, int(low), int(high), log=axis.log)
    return trial.suggest_float(name, low, high, log=axis.log)


def _stored(axis: Axis, value: Any) -> Any:
    """Returns `value` as the study stores it: choices as JSON text, because the database has no lists."""
    return json.dumps(value) if axis.choices else value


def _holds(axis: Axis, value: Any) -> bool:
    if axis.choices:
        return json.dumps(value) in [json.dumps(choice) for choice in axis.choices]
    low, high = axis.named
    return value is not None and low <= value <= high
