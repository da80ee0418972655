"""What stands ready for TF Serving's container, and that the examples do what they say."""

import json
import re
import urllib.request
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.servers import ROOT, Server

FOLDER = ROOT / "serving"
README = (FOLDER / "README.md").read_text("utf-8")
WRAPPED = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
SIGNATURES = (
    "serving_default",
    "recommend",
    "recommend_for_history",
    "similar_books",
    "user_embedding",
    "book_embedding",
)
# By the form of a request, where its answer stands.
ANSWERED = {"instances": "predictions", "inputs": "outputs"}
EXAMPLES = [(signature, form) for signature in SIGNATURES for form in ANSWERED]
BODIES = re.findall(r"^curl http://localhost:8501(\S+) -d '(.*?)'$", README, re.MULTILINE | re.DOTALL)


def test_the_models_file_serves_the_newest_version_under_the_clients_name() -> None:
    config = text_format.Parse((FOLDER / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    [model] = config.model_config_list.config
    assert (model.name, model.model_platform) == ("readalike", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1


def test_what_the_container_is_given_is_there_and_is_named_as_mounted() -> None:
    [service] = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text())["services"].values()
    mounted = {}
    for volume in service["volumes"]:
        source, target = re.fullmatch(r"(.+):(/[^:]+):ro", volume).groups()
        mounted[target] = source
    assert mounted.pop("/models/readalike") == "${PUSH_DIR:-../push}"
    for target, source in mounted.items():
        assert (FOLDER / source).is_file()
        assert any(flag.endswith(f"={target}") for flag in service["command"])
    files = [flag.partition("=")[2] for flag in service["command"] if "/config/" in flag]
    assert sorted(files) == sorted(mounted)


def test_the_other_files_say_what_the_server_can_read() -> None:
    batching, monitoring = (
        text_format.Parse((FOLDER / name).read_text(), message)
        for name, message in (("batching.config", messages()[0]), ("monitoring.config", messages()[1]))
    )
    assert batching.pad_variable_length_inputs
    assert batching.max_batch_size.value > 1
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path in README + (FOLDER / "docker-compose.yaml").read_text()


def messages() -> tuple[Any, Any]:
    """TF Serving's BatchingParameters and MonitoringConfig, which no Python package has, with the fields in use."""
    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="serving", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = {
        "BatchingParameters": [
            *((name, kinds.TYPE_MESSAGE, ".google.protobuf.Int64Value") for name in WRAPPED),
            ("pad_variable_length_inputs", kinds.TYPE_BOOL, None),
        ],
        "PrometheusConfig": [("enable", kinds.TYPE_BOOL, None), ("path", kinds.TYPE_STRING, None)],
        "MonitoringConfig": [("prometheus_config", kinds.TYPE_MESSAGE, ".serving.PrometheusConfig")],
    }
    for message, parts in fields.items():
        described = file.message_type.add(name=message)
        for number, (name, kind, of) in enumerate(parts, start=1):
            described.field.add(name=name, number=number, type=kind, type_name=of, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    names = ("BatchingParameters", "MonitoringConfig")
    return tuple(message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))() for name in names)


@pytest.mark.integration
@pytest.mark.xdist_group("serving")
@pytest.mark.parametrize(("signature", "form"), EXAMPLES)
def test_each_curl_example_is_answered_row_by_row(signature: str, form: str, server: Server) -> None:
    answer = ask(server, signature, form)
    assert set(answer) == {ANSWERED[form]}
    rows = answer["predictions"] if form == "instances" else rows_of(answer["outputs"])
    assert len(rows) == 2
    assert all(row.get("isbn") or row.get("embedding") for row in rows)


@pytest.mark.integration
@pytest.mark.xdist_group("serving")
@pytest.mark.parametrize("signature", SIGNATURES)
def test_both_forms_of_an_example_ask_for_the_same(signature: str, server: Server) -> None:
    by_row, by_column = (ask(server, signature, form) for form in ANSWERED)
    assert by_row["predictions"] == rows_of(by_column["outputs"])


@pytest.mark.integration
@pytest.mark.xdist_group("serving")
def test_every_signature_has_an_example_in_each_form(signatures: list[Any]) -> None:
    assert set(SIGNATURES) == set(signatures[0])
    found = [
        (json.loads(body)["signature_name"], form)
        for form in ANSWERED
        for _, body in BODIES
        if form in json.loads(body)
    ]
    assert sorted(found) == sorted(EXAMPLES)


def ask(server: Server, signature: str, form: str) -> dict[str, Any]:
    """Returns the answer to README's example of a signature in one form."""
    [(path, body)] = [
        (path, body)
        for path, body in BODIES
        if form in (asked := json.loads(body)) and asked["signature_name"] == signature
    ]
    request = urllib.request.Request(f"{server.address('http')}{path}", body.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read().decode("utf-8", "surrogateescape"))


def rows_of(columns: dict[str, list]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.integration
@pytest.mark.xdist_group("serving")
def test_the_python_example_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    exec(compile(program.replace("grpc://localhost:8500", server.address("grpc")), "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 6
    assert "book 7" not in said[1]
