"""Hyper-parameter search: trials in one or more processes, and a verdict on whether any beats the configuration.

The best of many trials looks better by chance alone. So a trial must beat the configured hyper-parameters in every
fold, and its paired difference by user must have a confidence interval above 0. Otherwise the configured ones stay.
"""

import hashlib
import json
import logging
import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from optuna.trial import FrozenTrial, TrialState

from core.progress import LOGGER_NAME, tell
from core.tensorflow_settings import one_thread_of_linear_algebra
from data.histories import Histories
from evaluation.bootstrap import paired_interval
from storage import locations
from storage.json_files import write_json
from storage.plain_paths import plain_path
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.folds import Folds
from trainer.tuning.parameters import BEST_CONFIGURATION, BEST_FILE, TuningParameters
from trainer.tuning.study import CONFIGURED, FOLD_STEP, FOLDS, READERS, VALUES, Study


class Verdict(NamedTuple):
    """The result of a search."""

    values: dict[str, Any]
    """Hyper-parameters that replace the configured ones; empty: keep those."""

    facts: dict[str, Any]
    """The evidence: baseline, best, chosen, the confidence intervals of their differences, and all trials."""


class _Search(NamedTuple):
    """The inputs that a process needs to run trials."""

    file: Path
    histories: Histories
    books: int
    base: Hyperparameters
    parameters: TuningParameters

    def study(self) -> Study:
        return Study(self.file, self.parameters.space.axes, self.base)

    def run_trial(self, number: int) -> FrozenTrial:
        """Runs the trial with draw `number`."""
        folds = Folds(
            self.histories, self.books, self.parameters.folds, self.base.max_validation_users, self.parameters.seed
        )
        readers = int(np.count_nonzero(self.histories.sizes() >= 2))
        return self.study().run_trial(folds, self.parameters.seed + number, readers)


def tune(
    histories: Histories, books: int, base: Hyperparameters, parameters: TuningParameters, study_dir: Path
) -> Verdict:
    """Runs trials until the study has `parameters.trials`, and returns the verdict.

    Args:
      histories: every user's training books.
      books: number of books.
      base: the configured hyper-parameters, which the first trial evaluates.
      parameters: the search parameters.
      study_dir: folder of the study, `best.json` and `best.toml`; created if missing. A different search, or one on
        other interactions, has its own study file.

    Raises:
      DataError: no user has enough books.
    """
    study_dir.mkdir(parents=True, exist_ok=True)
    name = f"{_identity(histories, base, parameters)}.sqlite"
    with plain_path(study_dir) as plain:
        search = _Search(plain / name, histories, books, base, parameters)
        study = search.study()
        first = study.resume()
        there = len(study.finished())
        # Even with no trials requested, the comparison needs a baseline.
        missing = range(first, first + max(parameters.trials - there, 0 if study.has_baseline() else 1))
        tell(f"{there} of {parameters.trials} trials are in {study_dir / name}")
        for done, trial in enumerate(_made(search, missing), there + 1):
            tell(f"trial {done}/{parameters.trials}: {_described(trial)}")
        verdict = judged(study.finished())
    write_json({**verdict.facts, "study": str(study_dir / name)}, f"{study_dir}/{BEST_FILE}")
    locations.write_bytes(as_toml(verdict.values).encode(), f"{study_dir}/{BEST_CONFIGURATION}")
    for line in report(verdict):
        tell(line)
    return verdict


def judged(trials: Iterable[FrozenTrial]) -> Verdict:
    """Returns the verdict on finished trials, which include the configured hyper-parameters."""
    by_number = sorted(trials, key=lambda trial: trial.number)
    complete = sorted((trial for trial in by_number if trial.state == TrialState.COMPLETE), key=_recall, reverse=True)
    baseline = next(trial for trial in complete if trial.user_attrs.get(CONFIGURED))
    better = [trial for trial in complete if _recall(trial) > _recall(baseline)]
    compared = [(trial, _difference(trial, baseline)) for trial in better]
    winner = next((pair for pair in compared if _wins(*pair, baseline)), None)
    facts = {
        "baseline": _facts(baseline),
        "best": _facts(better[0] if better else baseline),
        "chosen": _facts(winner[0] if winner else baseline),
        "difference_of_chosen": winner[1] if winner else (0.0, 0.0),
        "difference_of_best": compared[0][1] if compared else (0.0, 0.0),
        "trials": [_facts(trial) for trial in by_number],
    }
    return Verdict(dict(winner[0].user_attrs[VALUES]) if winner else {}, facts)


def report(verdict: Verdict) -> Iterator[str]:
    """Yields the lines to log about the verdict."""
    facts = verdict.facts
    baseline, best = facts["baseline"], facts["best"]
    yield f"configured: Recall@20 {baseline['recall_at_20']:.4f}"
    if best["number"] != baseline["number"]:
        low, high = facts["difference_of_best"]
        found = f"Recall@20 {best['recall_at_20']:.4f}, difference {low:+.4f} to {high:+.4f}"
        yield f"best: {found}: {_text(best['values'])}"
    if not verdict.values:
        yield "the configured hyper-parameters stay: no trial beats them in every fold and beyond doubt"
    elif facts["chosen"]["number"] != best["number"]:
        chosen = facts["chosen"]
        yield f"chosen: Recall@20 {chosen['recall_at_20']:.4f}, the first beyond doubt: {_text(chosen['values'])}"


def as_toml(values: dict[str, Any]) -> str:
    """Returns `values` as a configuration file that `--config` takes."""
    lines = ["# Hyper-parameters that tuning found.", "[training]"]
    return "\n".join([*lines, *(f"{name} = {json.dumps(value)}" for name, value in values.items())]) + "\n"


def _wins(trial: FrozenTrial, difference: tuple[float, float], baseline: FrozenTrial) -> bool:
    folds = zip(trial.user_attrs[FOLDS], baseline.user_attrs[FOLDS], strict=True)
    return difference[0] > 0 and all(own > other for own, other in folds)


def _difference(trial: FrozenTrial, baseline: FrozenTrial) -> tuple[float, float]:
    return paired_interval(trial.user_attrs[READERS], baseline.user_attrs[READERS])


def _recall(trial: FrozenTrial) -> float:
    """Returns the mean Recall@20 of a complete trial."""
    assert trial.value is not None
    return trial.value


def _facts(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "configured": bool(trial.user_attrs.get(CONFIGURED)),
        "values": trial.user_attrs.get(VALUES, {}),
        "recall_at_20": trial.value if trial.state == TrialState.COMPLETE else None,
        "recall_at_20_by_fold": trial.user_attrs.get(FOLDS, []),
        "validation_by_epoch": [value for step, value in sorted(trial.intermediate_values.items()) if step < FOLD_STEP],
        "seconds": trial.duration.total_seconds() if trial.duration else None,
    }


def _described(trial: FrozenTrial) -> str:
    result = "pruned" if trial.state == TrialState.PRUNED else f"Recall@20 {_recall(trial):.4f}"
    seconds = trial.duration.total_seconds() if trial.duration else 0
    configured = "as configured: " if trial.user_attrs.get(CONFIGURED) else ""
    return f"{result}, {seconds:.0f} s: {configured}{_text(trial.user_attrs.get(VALUES, {}))}"


def _text(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {json.dumps(value)}"
        for name, value in values.items()
    )


def _identity(histories: Histories, base: Hyperparameters, parameters: TuningParameters) -> str:
    """Returns a name that identifies a search: a hash of interactions, base hyper-parameters, space, folds and seed."""
    digest = hashlib.sha256(histories.row_splits.tobytes() + histories.books.tobytes())
    settings = parameters.model_dump(mode="json", include={"space", "folds", "seed"})
    digest.update(json.dumps([base.model_dump(mode="json"), settings], sort_keys=True).encode())
    return f"study-{digest.hexdigest()[:16]}"


def _made(search: _Search, numbers: Iterable[int]) -> Iterator[FrozenTrial]:
    """Runs trials and yields each when it ends."""
    if search.parameters.workers == 1:
        for number in numbers:
            with _silence():
                trial = search.run_trial(number)
            yield trial
        return
    with ProcessPoolExecutor(
        search.parameters.workers,
        multiprocessing.get_context("spawn"),
        _begin_work,
        (max((os.cpu_count() or 1) // search.parameters.workers, 1),),
    ) as pool:
        try:
            for made in as_completed([pool.submit(search.run_trial, number) for number in numbers]):
                yield made.result()
        finally:  # After a failed trial, no waiting trial starts.
            pool.shutdown(cancel_futures=True)


def _begin_work(threads: int) -> None:
    """Initialises a worker: limits TensorFlow to its share of the processors, and exits when its parent ends."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    one_thread_of_linear_algebra()
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def _silence() -> Iterator[None]:
    """Suppresses the log messages of training: a search has hundreds of trainings."""
    logger = logging.getLogger(LOGGER_NAME)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
