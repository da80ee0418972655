import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from core.errors import DataError
from core.project import ROOT
from data.histories import Histories, Interactions, group_by_user
from pipeline.configuration.config import read_config
from pipeline.configuration.toml_file import read_toml
from tests.odd_names import ODD_FOLDER
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.folds import Folds
from trainer.tuning.parameters import BEST_CONFIGURATION, BEST_FILE, Axis, SearchSpace, TuningParameters
from trainer.tuning.search import as_toml, judged, report, tune
from trainer.tuning.study import CONFIGURED, FOLDS, READERS, VALUES

USERS, BOOKS = 60, 80
BASE = Hyperparameters(
    embedding_dim=8, batch_users=16, max_epochs=2, learning_rate=1e-5, temperatures=(0.1,), parts=("trained",), seed=6
)
SPACE = SearchSpace(
    parts=Axis(choices=(("closed_form",), ("closed_form", "regression"))),
    max_epochs=Axis(low=1, high=4),
)


def tastes() -> Histories:
    """Eight groups of readers with a taste each."""
    random = np.random.default_rng(2)
    read = random.random((USERS, BOOKS)) < np.where(
        np.equal.outer(np.arange(USERS) % 8, np.arange(BOOKS) % 8), 0.6, 0.03
    )
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(read))), USERS)


def parameters(trials: int, workers: int = 1) -> TuningParameters:
    return TuningParameters(trials=trials, folds=2, workers=workers, space=SPACE)


def made(number: int, readers: list[float], folds: list[float], configured: bool = False) -> FrozenTrial:
    trial = create_trial(
        value=float(np.mean(readers)),
        user_attrs={READERS: readers, FOLDS: folds, VALUES: {"keep_share": 0.1 * number}, CONFIGURED: configured},
    )
    trial.number = number
    return trial


BASELINE = made(0, [0.2] * 20, [0.2, 0.2], configured=True)


def test_what_is_better_for_everyone_and_in_every_fold_is_taken() -> None:
    verdict = judged([made(1, [0.3] * 20, [0.31, 0.29]), BASELINE])
    assert verdict.values == {"keep_share": 0.1}
    assert verdict.facts["difference_of_chosen"] == pytest.approx((0.1, 0.1))
    assert (verdict.facts["best"]["number"], verdict.facts["chosen"]["number"]) == (1, 1)
    assert any("difference +0.1000 to +0.1000" in line for line in report(verdict))


@pytest.mark.parametrize(
    ("readers", "folds"),
    [
        ([0.0] * 10 + [0.5] * 10, [0.25, 0.25]),  # One half gains what the other loses, and a little more.
        ([0.3] * 20, [0.45, 0.15]),  # All in one fold.
        ([0.1] * 20, [0.1, 0.1]),
    ],
)
def test_what_is_better_by_chance_or_not_at_all_is_not_taken(readers: list[float], folds: list[float]) -> None:
    verdict = judged([BASELINE, made(1, readers, folds)])
    assert verdict.values == {}
    assert verdict.facts["chosen"]["number"] == 0
    assert "the configured hyper-parameters stay" in "\n".join(report(verdict))


def test_the_best_beyond_doubt_is_taken_where_a_better_one_is_in_doubt() -> None:
    doubtful, sure = made(1, [0.0] * 10 + [0.6] * 10, [0.3, 0.3]), made(2, [0.25] * 20, [0.25, 0.25])
    verdict = judged([BASELINE, doubtful, sure])
    assert (verdict.facts["best"]["number"], verdict.facts["chosen"]["number"]) == (1, 2)
    assert verdict.values == sure.user_attrs[VALUES]


def test_a_pruned_trial_is_listed_and_not_taken() -> None:
    pruned = create_trial(state=TrialState.PRUNED, user_attrs={VALUES: {"keep_share": 0.4}}, intermediate_values={1: 9})
    pruned.number = 1
    verdict = judged([BASELINE, pruned])
    assert verdict.values == {}
    assert [trial["state"] for trial in verdict.facts["trials"]] == ["complete", "pruned"]
    assert verdict.facts["trials"][1]["validation_by_epoch"] == [9]


def test_what_is_found_is_a_configuration_file(tmp_path: Path) -> None:
    values = {"parts": ["closed_form", "regression"], "learning_rate": 1e-05, "batch_users": 64, "temperatures": [0.2]}
    file = tmp_path / BEST_CONFIGURATION
    for found in (values, {}):
        file.write_text(as_toml(found))
        config = read_config(["--data=x", "--config", str(file)])
        assert config.training == Hyperparameters(**found)


def test_readers_of_three_books_are_too_few_to_tune_on() -> None:
    three = group_by_user(Interactions(*np.divmod(np.arange(6, dtype=np.int32), 3)), 2)
    with pytest.raises(DataError, match="no reader has 4 training books, the most active one has 3"):
        Folds(three, 3, 2, 10, 0)


@pytest.mark.integration
def test_folds_withhold_other_books_of_the_same_readers_and_know_what_was_withheld() -> None:
    folds = Folds(tastes(), BOOKS, 2, 30, 0)
    assert len(folds.users) == 30
    plain = BASE.model_copy(update={"parts": ("closed_form",)})
    first, second, again = (folds.recalls(fold, plain) for fold in (0, 1, 0))
    assert (first == again).all()
    assert (first != second).any()
    assert 0.3 < first.mean() < 1
    seen: list[float] = []
    untrained = folds.recalls(0, BASE, seen.append)
    assert len(seen) == BASE.max_epochs
    assert untrained.mean() < first.mean()


KILLED = """
import numpy as np
from pathlib import Path
from trainer.hyperparameters import Hyperparameters
from data.histories import Histories
from trainer.tuning.search import tune
from trainer.tuning.parameters import TuningParameters
if __name__ == "__main__":
    folder = Path({folder!r})
    with np.load(folder / "read.npz") as read:
        histories = Histories(read["row_splits"], read["books"])
    base = Hyperparameters.model_validate_json((folder / "base.json").read_text())
    parameters = TuningParameters.model_validate_json((folder / "parameters.json").read_text())
    tune(histories, {books}, base, parameters, folder / "study")
"""


def facts_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / BEST_FILE).read_text())


def lives(process: psutil.Process) -> bool:
    """Whether it runs: one that nobody has asked for its exit code does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.exhaustive
def test_killed_and_resumed_with_two_workers_it_ends_with_as_many_trials_as_one_that_was_not(tmp_path: Path) -> None:
    whole = tune(tastes(), BOOKS, BASE, parameters(5), tmp_path / ODD_FOLDER)
    assert len(whole.facts["trials"]) == 5
    assert "closed_form" in whole.values["parts"]
    assert read_toml(tmp_path / ODD_FOLDER / BEST_CONFIGURATION) == {"training": whole.values}

    np.savez(tmp_path / "read.npz", **tastes()._asdict())
    (tmp_path / "base.json").write_text(BASE.model_dump_json())
    (tmp_path / "parameters.json").write_text(parameters(500, workers=2).model_dump_json())
    script = tmp_path / "search.py"
    script.write_text(KILLED.format(folder=str(tmp_path), books=BOOKS))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1"}
    with subprocess.Popen([sys.executable, script], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        study = tmp_path / "study"
        while finished(study) < 2:
            assert process.poll() is None
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGKILL)
    assert len(workers) >= 2
    deadline = time.monotonic() + 30
    while any(map(lives, workers)):
        assert time.monotonic() < deadline, "a worker outlives the process that started it"
        time.sleep(0.1)

    there = finished(study)
    resumed = tune(tastes(), BOOKS, BASE, parameters(max(there + 1, 5)), study)
    assert len(resumed.facts["trials"]) == max(there + 1, 5)
    assert resumed.facts["baseline"]["recall_at_20"] == pytest.approx(whole.facts["baseline"]["recall_at_20"], abs=0.02)
    assert len(list(study.glob("*.sqlite"))) == 1, "the same search is the same study, however many trials and workers"
    assert facts_of(study)["chosen"]["recall_at_20"] > facts_of(study)["baseline"]["recall_at_20"]
    tune(tastes(), BOOKS, BASE.model_copy(update={"seed": 7}), parameters(1), study)
    assert len(list(study.glob("*.sqlite"))) == 2, "another search is another study"


def finished(folder: Path) -> int:
    """The number of trials that ended, as a bystander sees it."""
    try:
        [file] = folder.glob("*.sqlite")
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=60)) as database:
            query = "SELECT COUNT(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
            return int(database.execute(query).fetchone()[0])
    except (ValueError, sqlite3.OperationalError):  # There is no file yet, or no table in it.
        return 0
