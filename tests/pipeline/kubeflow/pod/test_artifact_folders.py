from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.kubeflow.pod.artifact_folders import ArtifactFolders, local_folder


def executor_input(*outputs: str) -> Any:
    artifacts = {str(number): {"artifacts": [{"uri": uri}]} for number, uri in enumerate(outputs)}
    return json_format.ParseDict({"outputs": {"artifacts": artifacts}}, pipeline_spec_pb2.ExecutorInput())


def executor_output(metadata: dict[str, Any], **parameters: Any) -> Any:
    artifacts = {"x": {"artifacts": [{"uri": "/minio/b/model", "metadata": metadata}]}}
    return json_format.ParseDict(
        {"artifacts": artifacts, "parameterValues": parameters}, pipeline_spec_pb2.ExecutorOutput()
    )


@pytest.mark.parametrize(
    ("uri", "root", "folder"),
    [
        ("gs://bucket/a/b", "/", "/gcs/bucket/a/b"),
        ("s3://bucket/a", "/", "/s3/bucket/a"),
        ("minio://mlpipeline/v2/artifacts", "/", "/minio/mlpipeline/v2/artifacts"),
        ("minio://mlpipeline/v2", "/tmp/here", "/tmp/here/minio/mlpipeline/v2"),
        ("oci://registry/model", "/", "oci://registry/model"),
        ("https://example.com/x", "/", "https://example.com/x"),
        ("/mnt/volume", "/", "/mnt/volume"),
    ],
)
def test_addresses_are_where_the_launcher_has_them(uri: str, root: str, folder: str) -> None:
    assert local_folder(uri, root) == folder


def test_addresses_that_begin_alike_are_kept_apart() -> None:
    message = executor_input("minio://b/model", "minio://b/model_run")
    folders = ArtifactFolders(message, "/")
    folders.make_local(message)
    assert {item.artifacts[0].uri for item in message.outputs.artifacts.values()} == {
        "/minio/b/model",
        "/minio/b/model_run",
    }
    output = executor_output({"logs": "/minio/b/model_run/logs", "other": "/minio/c/model"})
    folders.make_remote(output)
    fields = output.artifacts["x"].artifacts[0].metadata.fields
    assert fields["logs"].string_value == "minio://b/model_run/logs"
    assert fields["other"].string_value == "/minio/c/model"


def test_folders_are_found_in_lists_dictionaries_and_parameters() -> None:
    output = executor_output(
        {"list": ["/minio/b/model/1", 7], "deep": {"er": "at /minio/b/model/2"}}, p="/minio/b/model/3"
    )
    ArtifactFolders(executor_input("minio://b/model"), "/").make_remote(output)
    told = json_format.MessageToDict(output)
    assert told["artifacts"]["x"]["artifacts"][0]["metadata"] == {
        "list": ["minio://b/model/1", 7.0],
        "deep": {"er": "at minio://b/model/2"},
    }
    assert told["parameterValues"] == {"p": "minio://b/model/3"}


def test_a_property_without_a_value_is_left_out_because_the_backend_refuses_it() -> None:
    output = executor_output({"nothing": None, "something": 0.0})
    ArtifactFolders(executor_input("minio://b/model"), "/").make_remote(output)
    assert json_format.MessageToDict(output.artifacts["x"].artifacts[0].metadata) == {"something": 0.0}
