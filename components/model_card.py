"""ModelCard: says what the model is, how good, of which data, and for what, before it is pushed.

It comes before Pusher, so that the card is part of the version from the moment at which a server can see that.
"""

from tfx import v1 as tfx

from components.report.card_files import write_card
from components.report.collection import Locations, collect
from components.report.description import RunDescription
from transform import features


@tfx.dsl.components.component
def ModelCard(  # noqa: N802 (components are nouns)
    reviews: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    model_run: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelRun],
    evaluation: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    model_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelBlessing],
    infra_blessing: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.InfraBlessing],
    card: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    data: tfx.dsl.components.Parameter[str],
    push_dir: tfx.dsl.components.Parameter[str],
    description: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes the model card, for a model that the gates refuse too.

    Args:
      reviews: what came in.
      examples: what was kept of it.
      model_run: how the model was trained.
      evaluation: how good it is.
      model_blessing: what that was checked for.
      infra_blessing: how it is served.
      card: gets `model_card.json` and `model_card.md`. Its type is TFX's own, which Kubeflow takes.
      data: where the reviews were read from.
      push_dir: where the model is pushed.
      description: `RunDescription`, as JSON.
    """
    described = RunDescription.model_validate_json(description).at(
        data=data,
        push_dir=push_dir,
        folder=card.uri,
        key_id=reviews.get_string_custom_property(features.PSEUDONYM_KEY_ID),
    )
    where = Locations(
        reviews=reviews.uri,
        splits=examples.uri,
        model_run=model_run.uri,
        evaluation=evaluation.uri,
        blessing=model_blessing.uri,
        infra_blessing=infra_blessing.uri,
    )
    write_card(collect(described, where), card.uri)
    card.set_string_custom_property(
        features.CONTENT_SHA256, reviews.get_string_custom_property(features.CONTENT_SHA256)
    )
