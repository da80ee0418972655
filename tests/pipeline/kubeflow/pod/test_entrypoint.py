"""The entrypoint, around an executor that tells what it saw."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.progress import LOGGER_NAME
from pipeline.kubeflow.pod import entrypoint
from pipeline.kubeflow.pod.artifact_folders import ROOT_VARIABLE

BUCKET = "bucket/v2/artifacts/readalike/run"
EXAMPLES = "title: tfx.Examples\ntype: object\nproperties:\n  split_names:\n    type: string\n"


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts logging back as it was."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    root, messages = logging.getLogger(), logging.getLogger(LOGGER_NAME)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, messages.handlers, messages.propagate = handlers, [], True
    root.setLevel(level)


class Step:
    """A step with one input, two outputs, and a file system of its own."""

    def __init__(self, root: Path, scheme: str):
        self.root = root
        self.uri = f"{scheme}://{BUCKET}"
        self.mount = root / {"gs": "gcs"}.get(scheme, scheme) / BUCKET
        (self.mount / "Gen/examples").mkdir(parents=True)
        (self.mount / "Gen/examples/part.txt").write_text("three rows")
        self.output_file = root / "tmp/kfp_outputs/output_metadata.json"
        self.logs: dict[str, Any] = {}

    def run(self, **parameters: Any) -> int:
        """Runs it, with what the backend hands to the container."""
        examples = {
            "name": "7",
            "uri": f"{self.uri}/Gen/examples",
            "type": {"instanceSchema": ""},
            "metadata": {
                "split_names": '["reviews"]',
                "payload_format": "FORMAT_PARQUET",
                "rows": 3.0,
                "share": 0.5,
                "copied_from": f"{self.uri}/Gen/examples",
                "display_name": "examples",
            },
        }
        outputs = {
            name: {"artifacts": [{"uri": f"{self.uri}/Watch/{name}", "type": {"instanceSchema": f"title: {title}"}}]}
            for name, title in (("found", "tfx.Model"), ("answer", "tfx.String"))
        }
        outputs |= self.logs
        executor_input = {
            "inputs": {"parameterValues": parameters, "artifacts": {"examples": {"artifacts": [examples]}}},
            "outputs": {
                "artifacts": outputs,
                "parameters": {"answer": {"outputFile": str(self.root / "tmp/kfp/outputs/answer")}},
                "outputFile": str(self.output_file),
            },
        }
        declared = {
            "artifacts": {"examples": {"artifactType": {"instanceSchema": EXAMPLES}}},
            "parameters": {
                "accept_drift": {"parameterType": "NUMBER_INTEGER"},
                "failure": {"parameterType": "STRING"},
                "push_dir": {"parameterType": "STRING"},
            },
        }
        return entrypoint.main(
            [
                "--executor_class_path",
                "tests.pipeline.kubeflow.pod.small_executors.Observer",
                "--json_serialized_invocation_args",
                json.dumps(executor_input),
                "--json_serialized_inputs_spec_args",
                json.dumps(declared),
                "--runner=FnApiRunner",
            ]
        )

    def seen(self) -> dict[str, Any]:
        """What the executor saw."""
        return json.loads((self.mount / "Watch/found/seen.json").read_text())


@pytest.fixture(params=["minio", "s3", "gs"])
def step(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return Step(tmp_path, request.param)


def test_the_executor_works_on_the_launchers_folders(step: Step) -> None:
    assert step.run() == 0
    assert step.seen()["text"] == "three rows"
    assert (step.mount / "Watch/answer").read_text() == "yes"


def test_an_input_without_its_type_gets_the_declared_one_and_its_properties_survive(step: Step) -> None:
    assert step.run() == 0
    seen = step.seen()
    assert seen["type"] == "Examples"
    assert seen["splits"] == '["reviews"]'
    assert seen["payload_format"] == "FORMAT_PARQUET"
    assert (seen["rows"], seen["share"]) == (3, 0.5)
    assert isinstance(seen["rows"], int)
    assert seen["copied_from"] == str(step.mount / "Gen/examples")


def test_parameters_are_handed_on_as_they_are(step: Step) -> None:
    assert step.run(accept_drift=1.0, push_dir=f"{step.uri}/push") == 0
    assert step.seen()["parameters"] == {"accept_drift": 1, "push_dir": f"{step.uri}/push"}


def test_what_is_told_of_the_outputs_has_addresses_again(step: Step) -> None:
    assert step.run() == 0
    told = json.loads(step.output_file.read_text())
    [found] = told["artifacts"]["found"]["artifacts"]
    assert found["uri"] == f"{step.uri}/Watch/found"
    assert found["metadata"]["folder"] == f"{step.uri}/Watch/found/below"
    assert found["metadata"]["elsewhere"] == "/somewhere/else"
    assert found["metadata"]["rows"] == 3
    assert told["artifacts"]["answer"]["artifacts"][0]["uri"] == f"{step.uri}/Watch/answer"
    assert told["parameterValues"] == {"answer": "yes"}
    assert str(step.root) not in json.dumps(told)


def test_an_output_of_the_backends_own_is_left_to_it(step: Step) -> None:
    """`executor-logs`, which the launcher has open while the executor runs, as release 2.16 hands it in."""
    step.output_file = step.mount / "Watch/output_metadata.json"
    log = step.mount / "Watch/executor-logs"
    log.parent.mkdir()
    log.write_text("begun")
    artifact = {
        "name": "executor-logs",
        "uri": f"{step.uri}/Watch/executor-logs",
        "type": {"schemaTitle": "system.Artifact"},
    }
    step.logs = {"executor-logs": {"artifacts": [artifact]}}
    assert step.run() == 0
    told = json.loads(step.output_file.read_text())
    assert set(told["artifacts"]) == {"found", "answer"}
    assert log.read_text() == "begun"


def test_our_messages_go_to_the_output_and_nothing_else_does(step: Step, capfd: pytest.CaptureFixture[str]) -> None:
    assert step.run() == 0
    said = capfd.readouterr()
    assert said.out == "two lines\nfor people\n"
    assert "Cannot convert ID" not in said.err
    assert "INFO" not in said.err


@pytest.mark.parametrize(
    ("failure", "exit_code", "told"),
    [
        ("data", 2, "error: reviews.csv:7: no book. Correct the row.\n"),
        ("gate", 3, "error: The gate stays closed:\n  a table\n"),
    ],
)
def test_an_error_of_ours_ends_the_step_with_its_code_and_message(
    step: Step, failure: str, exit_code: int, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step.run(failure=failure) == exit_code
    said = capfd.readouterr()
    assert said.err == told
    assert not said.out
    assert not step.output_file.exists()


def test_any_other_error_has_its_trace_and_is_code_1(step: Step, capfd: pytest.CaptureFixture[str]) -> None:
    assert step.run(failure="who knows") == 1
    said = capfd.readouterr()
    assert "Traceback" in said.err
    assert "ValueError: who knows" in said.err
    assert "\nerror: " not in said.err


def test_the_libraries_logs_are_shown_on_demand(
    step: Step, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(entrypoint.LEVEL_VARIABLE, "info")
    assert step.run() == 0
    said = capfd.readouterr()
    assert "INFO absl: Starting executor" in said.err
    assert "Cannot convert ID" not in said.err
