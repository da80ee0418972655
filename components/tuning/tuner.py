"""Tuner: searches for hyper-parameters that beat the configured ones, and passes them to Trainer."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import tensorflow_transform as tft
from tfx import v1 as tfx

from data.histories import group_by_user, read_interactions
from storage.json_files import write_json
from trainer.hyperparameters import Hyperparameters
from trainer.tuning.parameters import TuningParameters
from trainer.tuning.search import Verdict, tune
from transform import features
from transform.vocabulary import read_vocabulary

# File names of TFX's own Tuner. Trainer reads the only file of the artifact, whatever its name.
BEST_FILE: Final = "best_hyperparameters.txt"
RESULTS_FILE: Final = "tuner_results.json"


@tfx.dsl.components.component
def Tuner(  # noqa: N802 (components are nouns)
    transformed_examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    transform_graph: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.TransformGraph],
    best_hyperparameters: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.HyperParameters],
    tuner_results: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.TunerResults],
    hyperparameters: tfx.dsl.components.Parameter[str],
    parameters: tfx.dsl.components.Parameter[str],
    study_dir: tfx.dsl.components.Parameter[str],
) -> None:
    """Runs trials on the training split; the hold-out takes no part.

    Args:
      transformed_examples: the splits in ids.
      transform_graph: the vocabularies.
      best_hyperparameters: receives those that beat the configured ones; an empty object if none do.
      tuner_results: receives baseline, best and all trials.
      hyperparameters: the configured `Hyperparameters`, as JSON.
      parameters: `TuningParameters`, as JSON.
      study_dir: folder that keeps the trials between runs; empty: they are not kept.

    Raises:
      DataError: too few training books to tune on.
    """
    base = Hyperparameters.model_validate_json(hyperparameters)
    limits = TuningParameters.model_validate_json(parameters)
    with TemporaryDirectory() as passing:
        folder = Path(study_dir or passing)
        verdict = search(transformed_examples.uri, transform_graph.uri, base, limits, folder)
    write_json(verdict.values, f"{best_hyperparameters.uri}/{BEST_FILE}")
    write_json(verdict.facts, f"{tuner_results.uri}/{RESULTS_FILE}")
    chosen, baseline = verdict.facts["chosen"], verdict.facts["baseline"]
    tuner_results.set_float_custom_property("recall_at_20", chosen["recall_at_20"])
    tuner_results.set_float_custom_property("configured_recall_at_20", baseline["recall_at_20"])
    tuner_results.set_int_custom_property("trials", len(verdict.facts["trials"]))


def search(
    examples_uri: str, graph_uri: str, base: Hyperparameters, parameters: TuningParameters, study_dir: Path
) -> Verdict:
    """Reads the training split and returns the verdict of `trainer.tuning.search.tune` on it."""
    transformed = tft.TFTransformOutput(graph_uri)
    users, books = (
        read_vocabulary(transformed.vocabulary_file_by_name(name))
        for name in (features.USER_VOCABULARY, features.ISBN_VOCABULARY)
    )
    training = read_interactions([f"{examples_uri}/Split-{features.TRAIN_SPLIT}/*"])
    return tune(group_by_user(training, len(users)), len(books), base, parameters, study_dir)
