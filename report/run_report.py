"""RunReport: writes the HTML report of the run, with its facts and the model card beside it."""

from typing import Any

from tfx import v1 as tfx

from components.ingestion.data_gate import statistics_path
from report.card.card_files import copy_card
from report.collection import Locations, collect
from report.description import RunDescription
from report.facts.model import Push
from report.page.files import write_report
from storage.json_files import read_json
from transform import features


@tfx.dsl.components.component
def RunReport(  # noqa: N802 (components are nouns)
    reviews: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    statistics: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleStatistics],
    schema: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Schema],
    anomalies: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleAnomalies],
    compared_with: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleStatistics],
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    transform_graph: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.TransformGraph],
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    model_run: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelRun],
    evaluation: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    model_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelBlessing],
    infra_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.InfraBlessing],
    card: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    pushed_model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.PushedModel],
    report: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    data: tfx.dsl.components.Parameter[str],
    push_dir: tfx.dsl.components.Parameter[str],
    description: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes `index.html`, `facts.json`, `model_card.json` and `model_card.md`.

    It is the last step. A run that a gate stops does not reach it; the runner writes the page instead.

    Args:
      reviews: output of RatingsExampleGen.
      statistics: output of StatisticsGen.
      schema: the data contract.
      anomalies: output of ExampleValidator.
      compared_with: the statistics of the last accepted reviews.
      examples: output of InteractionSplitter.
      transform_graph: output of Transform, with the vocabularies.
      model: the exported model, which recommends books to sample readers.
      model_run: training record of Trainer.
      evaluation: metrics of RetrievalEvaluator.
      model_blessing: checks of RetrievalEvaluator.
      infra_blessing: checks and measurements of ServingValidator.
      card: the model card.
      pushed_model: output of Pusher.
      report: receives the files.
      data: address of the reviews.
      push_dir: address of the push folder.
      description: `RunDescription`, as JSON.
    """
    described = RunDescription.model_validate_json(description).at(
        data=data,
        push_dir=push_dir,
        folder=report.uri,
        key_id=reviews.get_string_custom_property(features.PSEUDONYM_KEY_ID),
    )
    where = Locations(
        reviews=reviews.uri,
        statistics=statistics.uri,
        contract=schema.uri,
        anomalies=anomalies.uri,
        baseline=statistics_path(compared_with.uri, features.REVIEWS_SPLIT),
        splits=examples.uri,
        transform_graph=transform_graph.uri,
        model=model.uri,
        model_run=model_run.uri,
        evaluation=evaluation.uri,
        blessing=model_blessing.uri,
        infra_blessing=infra_blessing.uri,
    )
    write_report(collect(described, where, pushed=read_push(pushed_model)), report.uri)
    copy_card(card.uri, report.uri)


def read_push(pushed_model: Any) -> Push:
    """Returns the pushed version from the properties of Pusher's output `pushed_model` and the note in its folder."""
    note = read_json(f"{pushed_model.uri}/{features.RELEASE_NOTE_FILE}") or {}
    return Push(
        version=pushed_model.get_string_custom_property("pushed_version"),
        destination=pushed_model.get_string_custom_property("pushed_destination"),
        pushed_at=note["pushed_at"],
    )
