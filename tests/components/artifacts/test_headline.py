"""What people see of an artifact, locally and after Kubeflow's launcher has carried it as JSON from step to step."""

import math
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as kubeflow
from tfx.types import standard_artifacts

from components.artifacts.headline import describe, headline
from components.artifacts.verdict import Check, write_verdict
from components.evaluation.retrieval_evaluator import compared
from components.serving.atomic_pusher import AtomicPusher, require_blessings
from core.errors import GateError
from report.card.card_files import write_card
from report.facts.run import RunFacts
from tests.report.run_facts import EXAMPLE
from transform import features

SUMMARY = {
    "data_sha256": "ab12",
    "measured": {
        "recall_at_20": {"value": 0.25, "low": 0.2, "high": 0.3},
        "recall_at_20_of_popularity": {"value": 0.1, "low": 0.05, "high": 0.15},
        "coverage_at_20": {"value": 0.5},
        "holdout_users": 40,
    },
}
PASSED = Check("Recall@20 against popularity", "0.25 against 0.10", "difference above 0", True)
FAILED = Check("today's books that it knows", "50.0%", "at least 95.0%", False)


def carried(artifact: Any) -> Any:
    """Returns what the next step gets: the metadata file that one step writes is read into the next one's input."""
    written = json_format.MessageToJson(kubeflow.to_runtime_artifact(artifact, {}))
    arrived = json_format.Parse(written, pipeline_spec_pb2.RuntimeArtifact())
    arrived.type.schema_title = compiler_utils.get_artifact_title(type(artifact))
    return kubeflow._parse_raw_artifact(arrived, {})


def blessing_with(checks: list[Check], folder: Path) -> Any:
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(folder)
    write_verdict(blessing, checks, SUMMARY, "BLESSED")
    return blessing


def test_the_headline_has_each_number_once_and_without_its_interval() -> None:
    assert headline(SUMMARY) == {
        "data_sha256": "ab12",
        "recall_at_20": 0.25,
        "recall_at_20_of_popularity": 0.1,
        "coverage_at_20": 0.5,
        "holdout_users": 40,
    }
    assert headline({"serving": {"p50_ms": 1.5, "broken": ["no answer"], "none": None}}) == {"p50_ms": 1.5}


def test_what_is_known_of_the_served_model_is_told_and_else_nothing() -> None:
    artifact = standard_artifacts.ModelEvaluation()
    describe(artifact, compared({}))
    assert not artifact.mlmd_artifact.custom_properties
    describe(artifact, compared({"version": "17", "recall_at_20": 0.2, "known_books": 1.0}))
    assert artifact.get_string_custom_property("served_version") == "17"
    assert artifact.get_float_custom_property("recall_at_20_of_served") == 0.2


@pytest.mark.parametrize("carry", [lambda artifact: artifact, carried], ids=["local", "kubeflow"])
def test_a_blessing_blesses_and_has_its_numbers(carry: Any, tmp_path: Path) -> None:
    blessing = carry(blessing_with([PASSED], tmp_path))
    require_blessings([blessing])
    assert blessing.get_float_custom_property("recall_at_20") == 0.25
    assert blessing.get_float_custom_property("recall_at_20_of_popularity") == 0.1
    assert blessing.get_float_custom_property("holdout_users") == 40
    assert blessing.get_string_custom_property("data_sha256") == "ab12"
    assert not blessing.has_custom_property("refused_because")


@pytest.mark.parametrize("carry", [lambda artifact: artifact, carried], ids=["local", "kubeflow"])
def test_a_refusal_refuses_and_says_why(carry: Any, tmp_path: Path) -> None:
    blessing = carry(blessing_with([PASSED, FAILED], tmp_path))
    with pytest.raises(GateError, match=r"REFUSED  today's books that it knows"):
        require_blessings([blessing])
    assert blessing.get_string_custom_property("refused_because") == (
        "today's books that it knows: 50.0%, needed: at least 95.0%"
    )


def test_numbers_that_json_cannot_hold_are_left_out() -> None:
    artifact = standard_artifacts.ModelEvaluation()
    describe(artifact, {"mrr_at_20": math.nan, "p99_ms": math.inf, "recall_at_20": 0.2, "version": None})
    assert set(carried(artifact).mlmd_artifact.custom_properties) == {"recall_at_20"}


def test_a_push_on_kubeflow_goes_by_what_arrived_and_says_where_the_model_is(tmp_path: Path) -> None:
    (tmp_path / "model" / "Format-Serving").mkdir(parents=True)
    (tmp_path / "model" / "Format-Serving" / "saved_model.pb").touch()
    model, infra = standard_artifacts.Model(), standard_artifacts.InfraBlessing()
    model.uri, infra.uri = str(tmp_path / "model"), str(tmp_path / "infra")
    write_verdict(infra, [PASSED], {"serving": {"load_seconds": 2.5}}, "INFRA_BLESSED")
    card = standard_artifacts.ModelEvaluation()
    card.uri = str(tmp_path / "card")
    write_card(RunFacts.model_validate_json(EXAMPLE.read_text(encoding="utf-8")), card.uri)
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed")
    inputs = {
        "model": [carried(model)],
        "model_blessing": [carried(blessing_with([PASSED], tmp_path / "blessing"))],
        "infra_blessing": [carried(infra)],
        "card": [carried(card)],
    }
    parameters = {"push_dir": str(tmp_path / "push"), "keep_versions": 3}
    AtomicPusher.EXECUTOR_SPEC.executor_class().Do(inputs, {"pushed_model": [pushed]}, parameters)
    [version] = (tmp_path / "push").iterdir()
    shown = carried(pushed)
    assert shown.get_int_custom_property("pushed") == 1
    assert shown.get_string_custom_property("pushed_version") == version.name
    assert shown.get_string_custom_property("pushed_destination") == str(version)
    assert shown.get_float_custom_property("recall_at_20") == 0.25
    assert shown.get_float_custom_property("load_seconds") == 2.5
    for name in (features.RELEASE_NOTE_FILE, features.MODEL_CARD_FILE, features.MODEL_CARD_TEXT_FILE):
        assert (version / name).is_file()
