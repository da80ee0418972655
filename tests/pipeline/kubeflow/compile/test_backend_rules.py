"""Pipelines that TFX compiles, for Vertex AI at least, and the open-source backend does not run."""

from typing import Any

import pytest
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base import executor_spec

from components.ingestion.data_gate import DataGate
from core.errors import ConfigurationError
from pipeline.kubeflow.compile.backend_rules import check_nodes, check_specification
from tests.pipeline.kubeflow.compiled import Compiled

ARTIFACTS = tfx.types.standard_artifacts
RunsElsewhere = type("RunsElsewhere", (executor_spec.ExecutorSpec,), {})


def pipeline(*nodes: Any) -> tfx.dsl.Pipeline:
    return tfx.dsl.Pipeline(pipeline_name="p", pipeline_root="", components=list(nodes))


def refusal(*nodes: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_nodes(pipeline(*nodes))
    return str(caught.value)


def test_the_pipeline_itself_passes(plain: Compiled) -> None:
    check_specification(plain.spec, plain.deployment)


def test_each_refused_node_is_named_with_the_way_out() -> None:
    model = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=ARTIFACTS.Model),
        model_blessing=tfx.dsl.Channel(type=ARTIFACTS.ModelBlessing),
    ).with_id("LatestModel")
    csv = tfx.components.CsvExampleGen(input_base="x").with_id("CsvReader")
    importer = tfx.dsl.Importer(source_uri="gs://b/m", artifact_type=ARTIFACTS.Model).with_id("Given")
    infra = tfx.components.InfraValidator(
        model=importer.outputs["result"], serving_spec=tfx.proto.ServingSpec()
    ).with_id("Infra")
    message = refusal(importer, model, csv, infra)
    named = [line.split(":")[0].strip() for line in message.splitlines()[1:]]
    assert sorted(named) == ["CsvReader", "Infra", "LatestModel"]
    for told in ("from the push folder", "FileBasedDriver", "take it as a parameter", "ServingValidator"):
        assert told in message


def test_an_unknown_kind_of_executor_is_refused() -> None:
    statistics = tfx.components.StatisticsGen(examples=tfx.dsl.Channel(type=ARTIFACTS.Examples))
    statistics.executor_spec = RunsElsewhere()
    assert "StatisticsGen: is run by a RunsElsewhere. Give it an executor class" in refusal(statistics)


def changed(plain: Compiled) -> tuple[pipeline_spec_pb2.PipelineSpec, pipeline_spec_pb2.PipelineDeploymentConfig]:
    spec, deployment = pipeline_spec_pb2.PipelineSpec(), pipeline_spec_pb2.PipelineDeploymentConfig()
    spec.CopyFrom(plain.spec)
    deployment.CopyFrom(plain.deployment)
    return spec, deployment


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("resolver", "DataGate: is a resolver.*from the push folder"),
        ("custom_job", "DataGate: is a custom job of Vertex AI. Run the code in a container"),
        (None, "DataGate: says nothing of how it is run"),
    ],
)
def test_only_containers_and_importers_are_executors(plain: Compiled, kind: str | None, told: str) -> None:
    spec, deployment = changed(plain)
    executor = deployment.executors["DataGate_executor"]
    executor.Clear()
    if kind:
        getattr(executor, kind).SetInParent()
    with pytest.raises(ConfigurationError, match=f"(?s){told}"):
        check_specification(spec, deployment)


def test_what_the_backend_cannot_do_with_a_task_is_refused(plain: Compiled) -> None:
    spec, deployment = changed(plain)
    deployment.executors["Transform_executor"].container.lifecycle.pre_cache_check.command.append("driver")
    tasks = spec.root.dag.tasks
    tasks["Trainer"].inputs.parameters["x"].task_output_parameter.producer_task = "Transform_task"
    tasks["SchemaGen"].artifact_iterator.item_input = "statistics"
    tasks["Pusher"].component_ref.name = "Nobody"
    deployment.executors["Contract_executor"].importer.reimport = True
    tasks["Contract"].trigger_policy.condition = "true"
    spec.components["root"].executor_label = "Contract_executor"
    with pytest.raises(ConfigurationError) as caught:
        check_specification(spec, deployment)
    for told in (
        "Transform: has a lifecycle hook",
        "Trainer: waits for a step 'Transform_task', which is not there",
        "SchemaGen: iterates over artifacts",
        "Pusher: is of component 'Nobody'",
        "Contract: is an importer with a condition",
        "root: is the name of the pipeline's own component",
    ):
        assert told in str(caught.value)


def test_our_own_components_pass() -> None:
    schema = tfx.components.ImportSchemaGen(schema_file="schema.pbtxt")
    gate = DataGate(
        statistics=tfx.dsl.Channel(type=ARTIFACTS.ExampleStatistics),
        schema=schema.outputs["schema"],
        anomalies=tfx.dsl.Channel(type=ARTIFACTS.ExampleAnomalies),
        baseline_dir="",
        accept_drift=False,
        max_shrinkage=0.1,
    )
    check_nodes(pipeline(schema, gate))
