"""Pools of two sides, open within and beside each other, leave linear algebra the threads that the process gave it."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import numpy as np  # Brings the library whose threads are counted.
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from core.project import ROOT
from core.tensorflow_settings import LINEAR_ALGEBRA_VARIABLE, one_thread_of_linear_algebra, tell_tensorflow
from evaluation.side_by_side import SIDES, side_by_side
from tests.trainer.made_histories import histories
from trainer.hyperparameters import Hyperparameters
from trainer.selection.model_configuration import fit
from trainer.selection.selection import choose

ALLOWED: Final = (1, 2, 4, 8)
FEW_OR_ALL: Final = ((1, 4), pytest.param(ALLOWED, marks=pytest.mark.exhaustive))
DEPTH: Final = 3
BOOKS: Final = 280
BOTH: Final = Hyperparameters(embedding_dim=32, parts=("closed_form", "regression"), max_validation_users=200)


def blas_threads() -> set[int]:
    found = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
    assert found, f"numpy {np.__version__} has no library of linear algebra that is known"
    return found


def at_each_level(depth: int, look: Callable[[], set[int]]) -> list[set[int]]:
    """Returns what `look` finds in pools that are open within each other, on both sides, and when each has ended."""
    if depth == 0:
        return [look()]
    with side_by_side() as pool:
        found = [each for below in pool.map(lambda _: at_each_level(depth - 1, look), range(SIDES)) for each in below]
    return [*found, look()]


@contextmanager
def disturbance(seed: int) -> Iterator[None]:
    """Opens and closes pools in threads beside what is done within, at times that `seed` decides."""
    ended = threading.Event()

    def disturb(number: int) -> None:
        random = np.random.default_rng([seed, number])
        while not ended.is_set():
            with side_by_side() as pool:
                pool.submit(time.sleep, random.uniform(0, 0.002)).result()

    with ThreadPoolExecutor(3) as others:
        at_work = [others.submit(disturb, number) for number in range(3)]
        try:
            yield
        finally:
            ended.set()
    for each in at_work:
        each.result()


def test_both_sides_are_at_work_at_the_same_time() -> None:
    meeting = threading.Barrier(SIDES, timeout=60)
    with side_by_side() as pool:
        assert sorted(pool.map(lambda _: meeting.wait(), range(SIDES))) == [0, 1]


@pytest.mark.parametrize("allowed", ALLOWED)
def test_pools_within_and_beside_each_other_leave_the_threads_as_they_are(allowed: int) -> None:
    with threadpool_limits(allowed, user_api="blas"):
        assert blas_threads() == {allowed}, "the library takes fewer"
        with disturbance(seed=allowed), ThreadPoolExecutor(3) as beside:
            found = [
                level
                for levels in beside.map(lambda _: at_each_level(DEPTH, blas_threads), range(3))
                for level in levels
            ]
        assert len(found) == 3 * (2 ** (DEPTH + 1) - 1)
        assert all(each == {allowed} for each in [*found, blas_threads()])


def test_a_failure_leaves_the_threads_as_they_are() -> None:
    before = blas_threads()
    with pytest.raises(ValueError, match="a side"), side_by_side():
        raise ValueError("a side")
    assert blas_threads() == before


@pytest.mark.parametrize("allowed", ALLOWED)
def test_a_run_has_one_thread_at_every_level_whatever_is_allowed(allowed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LINEAR_ALGEBRA_VARIABLE, str(allowed))
    with threadpool_limits(allowed, user_api="blas"):
        tell_tensorflow()
        assert os.environ[LINEAR_ALGEBRA_VARIABLE] == "1"
        assert all(each == {1} for each in [blas_threads(), *at_each_level(DEPTH, blas_threads)])


def test_only_one_place_sets_the_threads_of_linear_algebra() -> None:
    packages = ("components", "core", "data", "evaluation", "pipeline", "registry", "report", "serving", "trainer")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    assert len(sources) > 100
    sets = re.compile(r"threadpool_limits|ThreadpoolController|(OPENBLAS|OMP|MKL|BLIS)_NUM_THREADS")
    named = [str(path.relative_to(ROOT)) for path in sources if sets.search(path.read_text("utf-8"))]
    assert named == ["core/tensorflow_settings.py"]


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def chosen_and_fitted(seed: int) -> tuple[object, ...]:
    """Returns what is chosen of a shrunk SVD and regressions, and the bytes of the towers, beside a disturbance."""
    random = np.random.default_rng(3)
    own = np.equal.outer(np.arange(400) % 8, np.arange(BOOKS) % 8)
    read = histories(random.random((400, BOOKS)) < np.where(own, 0.4, 0.02))
    with disturbance(seed):
        choice = choose(read, BOOKS, BOTH, None)
        towers = fit(read, BOOKS, choice.configuration, BOTH)
    assert choice.towers is not None
    tables = (choice.towers.query_table, choice.towers.candidate_table, towers.query_table, towers.candidate_table)
    return choice.configuration, choice.validation, digest(*tables)


# More threads than processors wait for each other by spinning: a fit of two seconds takes a minute and more.
FOUR: Final = pytest.param(4, marks=pytest.mark.exhaustive)


@pytest.mark.integration
@pytest.mark.parametrize("allowed", [pytest.param(1, marks=pytest.mark.exhaustive), 2, FOUR])
def test_a_model_is_the_same_to_the_byte_whatever_is_done_meanwhile(allowed: int) -> None:
    with threadpool_limits(allowed, user_api="blas"):
        assert chosen_and_fitted(seed=1) == chosen_and_fitted(seed=2)


@pytest.mark.integration
@pytest.mark.parametrize("tried", FEW_OR_ALL)
def test_a_model_is_the_same_to_the_byte_however_many_threads_are_allowed(tried: tuple[int, ...]) -> None:
    models = []
    for allowed in tried:
        with threadpool_limits(allowed, user_api="blas"):
            one_thread_of_linear_algebra()
            models.append(chosen_and_fitted(seed=allowed))
    assert all(model == models[0] for model in models)


# Without TensorFlow, which takes seconds to load: a decomposition and regressions beside each other, as in a choice.
CHILD: Final = """
import hashlib, sys
from core.tensorflow_settings import tell_tensorflow
if "told" in sys.argv:
    tell_tensorflow()
import numpy as np, scipy.sparse as sp
from trainer.models import neighbour_slim, truncated_svd
from evaluation.side_by_side import side_by_side
read = sp.random(3000, 600, 0.03, "csr", np.float32, np.random.default_rng(1), np.ones)
settings = neighbour_slim.SETTINGS
def decompose(seed):
    found = truncated_svd.leading_directions(read, kept=256, width=256, iterations=4, seed=seed)
    return found.vectors.tobytes() + found.strengths.tobytes()
def regress():
    return b"".join(weights.data.tobytes() for weights in neighbour_slim.fit(read, settings))
for nested in (False, True, False):
    with side_by_side() as pool:
        if nested:
            with side_by_side() as inner:
                parts = [inner.submit(regress), pool.submit(decompose, 0), pool.submit(decompose, 1)]
        else:
            parts = [pool.submit(decompose, 0), pool.submit(decompose, 1), pool.submit(regress)]
            parts = parts[2:] + parts[:2]
        print(hashlib.sha256(b"".join(part.result() for part in parts)).hexdigest())
"""


def printed_by_a_process(allowed: int, *words: str) -> list[str]:
    """Returns what three repetitions print where the environment allows so many threads."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *words],
        cwd=ROOT,
        env={**os.environ, LINEAR_ALGEBRA_VARIABLE: str(allowed), "OMP_NUM_THREADS": str(allowed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return child.stdout.split()


@pytest.mark.integration
@pytest.mark.parametrize("tried", FEW_OR_ALL)
def test_a_process_that_is_told_gives_the_same_bytes_whatever_is_allowed(tried: tuple[int, ...]) -> None:
    printed = [printed_by_a_process(allowed, "told") for allowed in tried]
    assert [len(each) for each in printed] == [3] * len(tried)
    assert len({line for each in printed for line in each}) == 1


@pytest.mark.integration
@pytest.mark.exhaustive
@pytest.mark.parametrize("allowed", ALLOWED)
def test_repetitions_in_a_process_that_is_not_told_give_the_same_bytes(allowed: int) -> None:
    """Its number of threads is whatever the library took, and stays."""
    printed = printed_by_a_process(allowed)
    assert len(printed) == 3
    assert len(set(printed)) == 1
