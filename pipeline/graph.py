"""The pipeline's nodes and how they are wired: the same for every runner."""

from typing import Any, TypeAlias

import tensorflow_data_validation as tfdv
from tfx import v1 as tfx

from components.atomic_pusher import AtomicPusher
from components.columnar_transform import ColumnarTransform
from components.data_gate import DataGate
from components.interaction_splitter import InteractionSplitter
from components.model_card import ModelCard
from components.ratings_example_gen import RatingsExampleGen
from components.report.description import RunDescription
from components.retrieval_evaluator import RetrievalEvaluator
from components.reviews_fingerprint import ReviewsFingerprint
from components.run_report import RunReport
from components.serving_validator import ServingValidator
from components.tuner import Tuner
from pipeline.config import ONLY_OF_THE_LOCAL_RUNNER, PipelineConfig
from trainer.run import run_fn
from transform import features
from transform.preprocessing import preprocessing_fn

# What may differ between two runs of one compiled pipeline: a path, or a parameter that is bound when a run starts.
RuntimeLocation: TypeAlias = str | tfx.dsl.experimental.RuntimeParameter


def create_pipeline(
    config: PipelineConfig,
    *,
    data: RuntimeLocation,
    push_dir: RuntimeLocation,
    baseline_dir: RuntimeLocation,
    pipeline_root: str,
    key_file: str | None,
    study_dir: str = "",
    model_facts: dict[str, Any] | None = None,
    description: RunDescription | None = None,
    metadata_connection_config: Any = None,
) -> tfx.dsl.Pipeline:
    """Returns the pipeline from a CSV of reviews to a pushed model.

    Args:
      config: what the user asked for. Where the reviews and the models are comes from the next arguments instead.
      data: the reviews.
      push_dir: where models are deployed.
      baseline_dir: where the statistics of the last accepted data are kept; empty: nowhere.
      pipeline_root: where artifacts are written.
      key_file: file with the pseudonym key; None: the environment has it.
      study_dir: where the Tuner's trials are kept from one run to the next; empty: nowhere.
      model_facts: what the runner wants to stand in the file of facts beside the exported model.
      description: what the runner knows of this run, for its report; None: the pipeline is compiled for many runs.
      metadata_connection_config: ML Metadata's connection; None: the runner's own.
    """
    fingerprint = ReviewsFingerprint(data=data, key_file=key_file).with_id("ReviewsFingerprint")

    # By value: a run is answered from a cache only if the value is that of an earlier run.
    example_gen = RatingsExampleGen(
        data=data,
        fingerprint=fingerprint.outputs["fingerprint"].future()[0].value,
        key_file=key_file,
        max_reject_share=config.max_reject_share,
        max_field_lines=config.max_field_lines,
        zero_rating=config.zero_rating,
        spreadsheet_safe=config.spreadsheet_safe,
    ).with_id("RatingsExampleGen")

    statistics_gen = tfx.components.StatisticsGen(
        examples=example_gen.outputs["examples"],
        # To count every name exactly takes five times as long. Beyond 16,384 of them sketches are a percent off; what
        # the contract looks at, genres and numbers, stays exact.
        stats_options=tfdv.StatsOptions(experimental_use_sketch_based_topk_uniques=True),
    ).with_id("StatisticsGen")

    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"]).with_id("SchemaGen")

    contract = tfx.components.ImportSchemaGen(schema_file=str(config.schema_file)).with_id("Contract")

    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=contract.outputs["schema"]
    ).with_id("ExampleValidator")

    data_gate = DataGate(
        statistics=statistics_gen.outputs["statistics"],
        schema=contract.outputs["schema"],
        anomalies=example_validator.outputs["anomalies"],
        baseline_dir=baseline_dir,
        accept_drift=config.accept_drift,
        max_shrinkage=config.max_shrinkage,
    ).with_id("DataGate")

    # By value too: DataGate runs every time, and what comes after it may be in the cache all the same.
    splitter = InteractionSplitter(
        reviews=example_gen.outputs["examples"],
        gate=data_gate.outputs["gate"].future()[0].value,
        **config.split.model_dump(),
    ).with_id("InteractionSplitter")

    transform = ColumnarTransform(
        examples=splitter.outputs["examples"],
        schema=contract.outputs["schema"],
        preprocessing_fn=_dotted(preprocessing_fn),
        splits_config=tfx.proto.SplitsConfig(
            analyze=[features.TRAIN_SPLIT], transform=[features.TRAIN_SPLIT, features.EVAL_SPLIT]
        ),
        custom_config=config.vocabulary.model_dump(),
        disable_analyzer_cache=True,
        disable_statistics=True,
    ).with_id("Transform")

    tuner = None
    if config.tuning.trials > 0:
        tuner = Tuner(
            transformed_examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            hyperparameters=config.training.model_dump_json(),
            parameters=config.tuning.model_dump_json(),
            study_dir=study_dir,
        ).with_id("Tuner")

    trainer = tfx.components.Trainer(
        run_fn=_dotted(run_fn),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=[features.TRAIN_SPLIT]),
        eval_args=tfx.proto.EvalArgs(splits=[features.EVAL_SPLIT]),
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        custom_config={"hyperparameters": config.training.model_dump(mode="json"), "model_facts": model_facts or {}},
    ).with_id("Trainer")

    evaluator = RetrievalEvaluator(
        examples=splitter.outputs["examples"],
        transformed_examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        model=trainer.outputs["model"],
        push_dir=push_dir,
        parameters=config.evaluation.model_dump_json(),
    ).with_id("RetrievalEvaluator")

    serving_validator = ServingValidator(
        model=trainer.outputs["model"], budget=config.serving.model_dump_json()
    ).with_id("ServingValidator")

    described = description or RunDescription(
        pipeline=config.pipeline_name, configuration=config.recorded(without=ONLY_OF_THE_LOCAL_RUNNER)
    )
    model_card = ModelCard(
        reviews=example_gen.outputs["examples"],
        examples=splitter.outputs["examples"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validator.outputs["blessing"],
        data=data,
        push_dir=push_dir,
        description=described.model_dump_json(),
    ).with_id("ModelCard")

    pusher = AtomicPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validator.outputs["blessing"],
        card=model_card.outputs["card"],
        push_dir=push_dir,
        keep_versions=config.keep_versions,
    ).with_id("Pusher")

    report = RunReport(
        reviews=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
        schema=contract.outputs["schema"],
        anomalies=example_validator.outputs["anomalies"],
        compared_with=data_gate.outputs["compared_with"],
        examples=splitter.outputs["examples"],
        transform_graph=transform.outputs["transform_graph"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validator.outputs["blessing"],
        card=model_card.outputs["card"],
        pushed_model=pusher.outputs["pushed_model"],
        data=data,
        push_dir=push_dir,
        description=described.model_dump_json(),
    ).with_id("RunReport")

    return tfx.dsl.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            fingerprint,
            example_gen,
            statistics_gen,
            schema_gen,
            contract,
            example_validator,
            data_gate,
            splitter,
            transform,
            *([tuner] if tuner else []),
            trainer,
            evaluator,
            serving_validator,
            model_card,
            pusher,
            report,
        ],
        enable_cache=False,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=config.beam_pipeline_args,
    )


def steps_up_to(pipeline: tfx.dsl.Pipeline, step: str) -> list[str]:
    """Returns the nodes that `step` needs, and itself, in the order in which they run."""
    [last] = [node for node in pipeline.components if node.id == step]
    needed = {last}
    for node in reversed(pipeline.components):
        if node in needed:
            needed |= set(node.upstream_nodes)
    return [node.id for node in pipeline.components if node in needed]


def _dotted(function: Any) -> str:
    """Returns the path by which TFX imports `function` in another process."""
    return f"{function.__module__}.{function.__qualname__}"
