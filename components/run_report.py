"""RunReport: one page about the run, for people, with its facts and the model card beside it."""

from typing import Any

from tfx import v1 as tfx

from components.data_gate import statistics_path
from components.report.card_files import copy_card
from components.report.collection import Locations, collect
from components.report.description import RunDescription
from components.report.files import write_report
from components.report.model_facts import Push
from transform import features
from transform.json_files import read_json


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

    It is the last step: a run that a gate stops does not come so far, and its runner writes the page instead.

    Args:
      reviews: what came in.
      statistics: its statistics.
      schema: the contract.
      anomalies: where it breaks the contract.
      compared_with: the statistics of the last accepted reviews.
      examples: what was kept.
      transform_graph: the vocabularies.
      model: what was exported, which is asked for some readers.
      model_run: how it was trained.
      evaluation: how good it is.
      model_blessing: what that was checked for.
      infra_blessing: how it is served.
      card: the model card.
      pushed_model: what is served now.
      report: gets the files.
      data: where the reviews were read from.
      push_dir: where the model was pushed.
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
    """Returns what Pusher says in its output `pushed_model`, by properties and by the note in its folder."""
    note = read_json(f"{pushed_model.uri}/{features.RELEASE_NOTE_FILE}") or {}
    return Push(
        version=pushed_model.get_string_custom_property("pushed_version"),
        destination=pushed_model.get_string_custom_property("pushed_destination"),
        pushed_at=note["pushed_at"],
    )
