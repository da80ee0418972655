"""Models are loaded in a process of their own, measured, and refused with the reason if they break a promise."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import serving.probe
from components.serving.serving_budget import ServingBudget
from components.serving.serving_validator import ROOT, judge, probe
from serving.probe import ServedModel, read_by
from tests.serving.small_models import export_model, twice, without_similar_books
from trainer.export.recommender import Recommender
from transform import features

pytestmark = pytest.mark.integration

BUDGET = ServingBudget()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_model(tmp_path_factory.mktemp("model") / "Format-Serving", seed=0)


@pytest.fixture(scope="module")
def probed(model: Path) -> tuple[dict[str, object], dict[str, str]]:
    """What a probe found, started by a process whose TensorFlow has one thread; and the probe's environment."""
    asked: list[dict[str, str]] = []
    run = subprocess.run

    def watched(*arguments: Any, env: dict[str, str], **options: Any) -> Any:
        asked.append(env)
        return run(*arguments, env=env, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", watched)
        patch.setenv("TF_NUM_INTRAOP_THREADS", "1")
        found = probe(str(model), BUDGET)
    [environment] = asked
    return found, environment


@pytest.fixture
def found(probed: tuple[dict[str, object], dict[str, str]]) -> dict[str, object]:
    return probed[0]


def refused(found: dict[str, object], budget: ServingBudget = BUDGET) -> list[str]:
    return [f"{check.what}: {check.found}" for check in judge(found, budget) if not check.passed]


def refused_here(folder: Path) -> list[str]:
    """Why the model in `folder` is refused, by what the probe's own process would print, asked in this one.

    Only for its promises: this process is slower and larger than one that serves.
    """
    return refused({"broken": serving.probe.probe(folder)["broken"]})


def test_a_good_model_is_blessed_with_what_it_took(found: dict[str, object]) -> None:
    assert refused(found) == []
    assert found["broken"] == []
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert 0 < found["load_seconds"] < 60
    assert 100 < found["peak_memory_mib"] < 4096
    assert 0 <= found["request_memory_mib"] < 300


def test_the_probe_has_threads_of_its_own_as_a_server_has(probed: tuple[dict[str, object], dict[str, str]]) -> None:
    found, environment = probed
    assert found["broken"] == []
    assert "TF_NUM_INTRAOP_THREADS" not in environment


def test_what_readers_have_read_is_what_the_model_says_of_them(model: Path) -> None:
    tokens = (model / "assets" / f"{features.USER_VOCABULARY}.txt").read_bytes().splitlines()
    loaded = tf.saved_model.load(str(model))
    rows = loaded.read_books(tf.constant(tokens)).numpy().tolist()
    found = read_by({token: place for place, token in enumerate(tokens)}, ServedModel(model))
    assert found == {token: [book for book in row if book] for token, row in zip(tokens, rows, strict=True)}
    assert any(found.values())


@pytest.mark.parametrize("limit", sorted(ServingBudget.model_fields))
def test_each_limit_of_the_budget_refuses_and_names_its_flag(limit: str, found: dict[str, object]) -> None:
    measured = {**found, "request_memory_mib": 1.0}
    [failed] = [check for check in judge(measured, ServingBudget(**{limit: 1e-6})) if not check.passed]
    assert f"--serving.{limit.replace('_', '-')}" in failed.needed


@pytest.mark.parametrize(
    ("signatures", "told"),
    [
        (twice, "stands in one answer 2 times"),
        pytest.param(without_similar_books, "has no signature similar_books", marks=pytest.mark.exhaustive),
    ],
)
def test_a_model_that_breaks_a_promise_is_refused(
    signatures, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "trainer.export.saved_model.Recommender", type("Broken", (Recommender,), {"signatures": signatures})
    )
    [reason] = refused_here(export_model(tmp_path / "broken", seed=0))
    assert reason.startswith("what it promises to consumers: ")
    assert told in reason


def test_a_damaged_model_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes((model / "saved_model.pb").read_bytes()[:1000])
    [reason] = refused_here(tmp_path)
    assert "cannot be loaded" in reason


def test_a_probe_that_dies_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("components.serving.serving_validator.PROBE", "serving.no_such_module")
    [reason] = refused(probe(str(tmp_path), BUDGET))
    assert "exit code 1" in reason
    assert "no_such_module" in reason


def test_a_probe_ends_with_the_process_that_wants_it(model: Path) -> None:
    """Which may be killed: then nobody is there to end it, but its end of the pipe is closed."""
    read_end, held_end = os.pipe()
    command = [sys.executable, "-m", "serving.probe", "--while-stdin-is-open", str(model)]
    with subprocess.Popen(command, stdin=read_end, stdout=subprocess.PIPE, cwd=ROOT) as process:
        os.close(read_end)
        os.close(held_end)
        assert process.wait(120) == 1
        assert process.stdout is not None
        assert process.stdout.read() == b""


def test_warm_up_requests_are_of_every_signature_one_reader_and_several_at_once(model: Path) -> None:
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(str(model / features.WARMUP_FILE))
    ]
    loaded = tf.saved_model.load(str(model))
    assert {request.model_spec.signature_name for request in logs} == set(loaded.signatures)
    batches = {name: set() for name in loaded.signatures}
    for request in logs:
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        batches[request.model_spec.signature_name] |= {int(value.shape[0]) for value in inputs.values()}
        loaded.signatures[request.model_spec.signature_name](**inputs)
    assert set(map(frozenset, batches.values())) == {frozenset({1, 16})}


def test_a_model_without_warm_up_requests_is_refused(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    for path in model.rglob("*"):
        if path.is_file() and path.name != "tf_serving_warmup_requests":
            (copy / path.relative_to(model)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy / path.relative_to(model))
    [reason] = refused_here(copy)
    assert "tf_serving_warmup_requests" in reason
