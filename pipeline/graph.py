"""The nodes of the pipeline and their connections, the same for every runner."""

from typing import Any, TypeAlias

import tensorflow_data_validation as tfdv
from tfx import v1 as tfx

from components.evaluation.retrieval_evaluator import RetrievalEvaluator
from components.ingestion.data_gate import DataGate
from components.ingestion.ratings_example_gen import RatingsExampleGen
from components.ingestion.reviews_fingerprint import ReviewsFingerprint
from components.serving.atomic_pusher import AtomicPusher
from components.serving.serving_validator import ServingValidator
from components.splitting.interaction_splitter import InteractionSplitter
from components.tuning.tuner import Tuner
from pipeline.configuration.config import ONLY_OF_THE_LOCAL_RUNNER, PipelineConfig
from report.description import RunDescription
from report.model_card import ModelCard
from report.run_report import RunReport
from trainer.run import run_fn
from transform import features
from transform.columnar_transform import ColumnarTransform
from transform.preprocessing import preprocessing_fn

# A path, or a parameter that each run of a compiled pipeline sets when it starts.
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
      config: the configuration. The next three arguments override its locations.
      data: address of the reviews.
      push_dir: address of the push folder.
      baseline_dir: folder of the statistics of the last accepted reviews. Empty: none.
      pipeline_root: folder of the artifacts.
      key_file: file with the pseudonym key. None: the environment has it.
      study_dir: folder of the Tuner's trials, kept across runs. Empty: none.
      model_facts: further entries of the facts file beside the exported model.
      description: the runner's description of the run, for its report. None: the pipeline is compiled for many runs.
      metadata_connection_config: connection to ML Metadata. None: the runner's own.
    """
    fingerprint = ReviewsFingerprint(data=data, key_file=key_file).with_id("ReviewsFingerprint")

    # Passed by value, because a cached result is used only for an equal value.
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
        # An exact count of all names takes five times as long. Beyond 16,384 names, sketches are a percent off. The
        # features that the contract checks, genres and numbers, stay exact.
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

    # Passed by value too: DataGate runs every time, but later steps may still be cached.
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
    """Returns `step` and the nodes that it needs, in the order in which they run."""
    [last] = [node for node in pipeline.components if node.id == step]
    needed = {last}
    for node in reversed(pipeline.components):
        if node in needed:
            needed |= set(node.upstream_nodes)
    return [node.id for node in pipeline.components if node in needed]


def _dotted(function: Any) -> str:
    """Returns the import path of `function`, because TFX imports it in another process."""
    return f"{function.__module__}.{function.__qualname__}"
