"""Reads the facts about the model from the outputs of Trainer and the gates."""

import json
from typing import Any, Final

from components.evaluation.retrieval_evaluator import EXPOSURE, METRICS_FILE, NEW_MODEL, POPULARITY
from evaluation.metrics import K
from report.facts.figures import Figure
from report.facts.model import Check, Epoch, Evaluated, Exposure, Gate, Measured, Served, Serving, Slice, Trained, Trial
from storage import locations
from trainer.run import TRAINING_FILE
from transform import features

RECALL: Final = f"recall_at_{K}"


def read_trained(model_run: str) -> Trained:
    """Returns the training facts from Trainer's output `model_run`."""
    training = _read(f"{model_run}/{TRAINING_FILE}")
    recipe, validation = training["recipe"], training["validation"]
    return Trained(
        users=training["users"],
        books=training["books"],
        train_interactions=training["train_interactions"],
        heldout_interactions=training["heldout_interactions"],
        trials=tuple(
            Trial(
                temperature=trial["temperature"],
                epochs=tuple(
                    Epoch(epoch=epoch["epoch"], loss=epoch["loss"], recall=epoch[RECALL], seconds=epoch["seconds"])
                    for epoch in trial["epochs"]
                ),
                chosen=trial["temperature"] == recipe["temperature"],
            )
            for trial in validation.get("trials", ())
        ),
        recipe=recipe,
        validation_users=validation.get("users"),
        validation_recall=validation.get(RECALL),
    )


def read_evaluated(evaluation: str) -> Evaluated:
    """Returns the evaluation facts from RetrievalEvaluator's output `evaluation`."""
    metrics = _read(f"{evaluation}/{METRICS_FILE}")
    models = {name: found for name, found in metrics.items() if isinstance(found, dict) and "slices" in found}
    slices, of_popularity = models[NEW_MODEL]["slices"], models[POPULARITY]["slices"]
    served = metrics["served"]
    return Evaluated(
        holdout_users=metrics["holdout_users"],
        heldout_interactions=metrics["heldout_interactions"],
        models=tuple(
            Measured(name=name, figures={each: Figure(**figure) for each, figure in found.items() if each != "slices"})
            for name, found in models.items()
        ),
        served=Served(
            version=served["version"],
            recall=served.get(RECALL),
            recall_of_new_model=served.get(f"{RECALL}_of_the_new_model"),
            known_books=served.get("known_books"),
            heldout_interactions_left_out=served.get("heldout_interactions_left_out"),
            exposure=Exposure.model_validate(served[EXPOSURE]) if EXPOSURE in served else None,
        )
        if served
        else None,
        activity=_slices(slices["activity"], of_popularity["activity"], "readers"),
        popularity=_slices(slices["popularity"], of_popularity["popularity"], "heldout_interactions"),
        genres=_slices(slices["genre"], of_popularity["genre"], "heldout_interactions"),
    )


def read_gate(step: str, blessing: str) -> Gate:
    """Returns the verdict of the gate `step` from its output `blessing`."""
    checks = tuple(Check(**check) for check in json.loads(locations.read_bytes(f"{blessing}/{features.CHECKS_FILE}")))
    return Gate(step=step, passed=all(check.passed for check in checks), checks=checks)


def read_serving(blessing: str) -> Serving:
    """Returns the serving measurements from ServingValidator's output `blessing`."""
    found = _read(f"{blessing}/{features.MEASURED_FILE}")["serving"]
    return Serving(**{name: found[name] for name in Serving.model_fields if name in found})


def _slices(found: dict[str, Any], of_popularity: dict[str, Any], unit: str) -> tuple[Slice, ...]:
    return tuple(
        Slice(
            name=name,
            size=measured[unit],
            recall=measured[RECALL],
            recall_of_popularity=of_popularity.get(name, {}).get(RECALL),
        )
        for name, measured in found.items()
    )


def _read(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(locations.read_bytes(path))
    return content
