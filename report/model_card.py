"""ModelCard: writes the model card before the model is pushed.

It runs before Pusher, so that a version has its card from the moment a server can see it.
"""

from tfx import v1 as tfx

from report.card.card_files import write_card
from report.collection import Locations, collect
from report.description import RunDescription
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
    """Writes the model card, even if a gate refuses the model.

    Args:
      reviews: output of RatingsExampleGen.
      examples: output of InteractionSplitter.
      model_run: training record of Trainer.
      evaluation: metrics of RetrievalEvaluator.
      model_blessing: checks of RetrievalEvaluator.
      infra_blessing: checks and measurements of ServingValidator.
      card: receives `model_card.json` and `model_card.md`. It has a standard TFX type, which Kubeflow accepts.
      data: address of the reviews.
      push_dir: address of the push folder.
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
