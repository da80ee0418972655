"""RetrievalEvaluator: measures the new and the served model and popularity on one hold-out, and blesses or refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow_transform as tft
from tfx import v1 as tfx

from components.artifacts.book_genres import first_genres
from components.artifacts.headline import describe, headline
from components.artifacts.verdict import Check, write_verdict
from components.evaluation import model_gate
from components.evaluation.comparability import KeyIds, seen_by, why_not_comparable
from components.evaluation.evaluation_parameters import EvaluationParameters
from components.evaluation.exposure_gate import compare_exposure, lines
from components.evaluation.holdout_scorer import HoldoutScorer
from components.evaluation.index_recall import index_recall
from components.evaluation.served_model import ServedModel, read_served_model
from core.progress import tell
from data.histories import Histories, Ids, Interactions, group_by_user, joined, read_interactions
from evaluation.beyond_accuracy import Genres, genres_of_books
from evaluation.metrics import K, mean, recall
from evaluation.ranking import Rankings, rank, rank_alike
from evaluation.report_metrics import CUTOFFS, Surroundings, activity_recalls, measure
from evaluation.side_by_side import side_by_side
from storage.json_files import read_json, write_json
from trainer.export.holdout_model import hash_interactions, read_holdout_model
from trainer.export.index import make_index
from trainer.export.quantised_table import stored
from trainer.hyperparameters import Hyperparameters
from transform import features
from transform.vocabulary import Vocabulary, read_vocabulary

METRICS_FILE: Final = "metrics.json"
POPULARITY: Final = "popularity"
NEW_MODEL: Final = "model"
EXPOSURE: Final = "exposure"
SHOWN: Final = ("recall", "ndcg", "hit_rate", "mrr")


@dataclass(frozen=True)
class Holdout:
    """The hold-out split, with the training split and genres."""

    users: Vocabulary
    books: Vocabulary
    train: Interactions
    heldout: Interactions
    genres: Genres

    @cached_property
    def training(self) -> Histories:
        """Each user's training books."""
        return group_by_user(self.train, len(self.users))

    @cached_property
    def wanted(self) -> Histories:
        """Each user's held-out books."""
        return group_by_user(self.heldout, len(self.users))


class Verdict(NamedTuple):
    """The result of the evaluation."""

    metrics: dict[str, Any]
    checks: list[Check]


@tfx.dsl.components.component
def RetrievalEvaluator(  # noqa: N802 (components are nouns)
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    transformed_examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    transform_graph: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.TransformGraph],
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    blessing: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelBlessing],
    push_dir: tfx.dsl.components.Parameter[str],
    parameters: tfx.dsl.components.Parameter[str],
) -> None:
    """Ranks all books for all hold-out users with the hold-out model, and decides whether the model may be pushed.

    Args:
      examples: the splits with genres.
      transformed_examples: the splits in ids.
      transform_graph: the vocabularies.
      model: the model that Trainer exported, with its hold-out model.
      evaluation: receives `metrics.json`.
      blessing: receives the verdict, `measured.json` for the release note, and, on refusal, `refusal.txt`.
      push_dir: the push folder, which holds the served model.
      parameters: `EvaluationParameters`, as JSON.
    """
    holdout = read_holdout(examples.uri, transformed_examples.uri, transform_graph.uri)
    holdout_model = read_holdout_model(f"{model.uri}/Format-Serving/{features.HOLDOUT_MODEL_FILE}")
    judged = HoldoutScorer(holdout_model, holdout.books.tokens, holdout.training)
    facts = read_json(f"{model.uri}/Format-Serving/{features.MODEL_FACTS_FILE}") or {}
    key_id = examples.get_string_custom_property(features.PSEUDONYM_KEY_ID) or None
    verdict = evaluate(
        holdout,
        judged,
        read_served_model(push_dir),
        EvaluationParameters.model_validate_json(parameters),
        Hyperparameters(**facts.get("hyperparameters", {})),
        key_id,
    )
    write_json(verdict.metrics, f"{evaluation.uri}/{METRICS_FILE}")
    measured = summary(verdict.metrics, examples.get_string_custom_property(features.CONTENT_SHA256), key_id)
    for artifact in (evaluation, blessing):
        describe(artifact, headline(measured) | compared(verdict.metrics["served"]))
    write_verdict(blessing, verdict.checks, measured, "BLESSED")


def evaluate(
    holdout: Holdout,
    model: HoldoutScorer,
    served: ServedModel | None,
    parameters: EvaluationParameters,
    hyperparameters: Hyperparameters,
    key_id: str | None = None,
) -> Verdict:
    """Returns the metrics of the new model, popularity and the served model, and the checks of the new model.

    Args:
      holdout: the hold-out, the same for all.
      model: the new model's hold-out model.
      served: the served model; None: nothing is served.
      parameters: settings and thresholds.
      hyperparameters: the new model's hyper-parameters, which set its index.
      key_id: id of today's pseudonym key; None: unknown.
    """
    training, wanted, books, depth = holdout.training, holdout.wanted, len(holdout.books), max(CUTOFFS)
    users = np.flatnonzero(wanted.sizes()).astype(np.int32)
    popularity = np.bincount(training.books, minlength=books).astype(np.float32)
    rankings = {
        NEW_MODEL: rank(model.scores, users, training, wanted, books, depth),
        POPULARITY: rank_alike(popularity, users, training, wanted, depth),
    }
    metrics = _measure(rankings, holdout, parameters)
    checks = _checks(rankings, metrics, model, training, parameters)
    approximation: dict[str, float] = {}
    if hyperparameters.index != "exact":
        index = make_index(stored(model.towers.candidate_table), hyperparameters)
        found = mean(index_recall(index, model.towers, training, rankings[NEW_MODEL]))
        approximation[f"index_recall_at_{depth}"] = found
        checks.append(model_gate.index_finds_enough(found, parameters))
    comparison: dict[str, Any] = {}
    if served is not None:
        compared_checks, comparison = _compare(holdout, model, served, users, rankings[NEW_MODEL], parameters, key_id)
        checks[1:1] = compared_checks
    _show(metrics, len(users), comparison.get(EXPOSURE))
    facts = {
        "holdout_users": len(users),
        "heldout_interactions": len(holdout.heldout),
        "served": comparison,
        **approximation,
        "checks": [check._asdict() for check in checks],
    }
    return Verdict({**metrics, **facts}, checks)


def _measure(
    rankings: Mapping[str, Rankings], holdout: Holdout, parameters: EvaluationParameters
) -> dict[str, dict[str, Any]]:
    """Returns the metrics of each of `rankings`, computed in parallel threads."""
    surroundings = Surroundings(holdout.training, holdout.wanted, holdout.books.counts, holdout.genres)
    with side_by_side() as pool:
        measured = pool.map(
            lambda found: measure(found, surroundings, parameters.resamples, parameters.seed), rankings.values()
        )
        return dict(zip(rankings, measured, strict=True))


def _checks(
    rankings: Mapping[str, Rankings],
    metrics: Mapping[str, dict[str, Any]],
    model: HoldoutScorer,
    training: Histories,
    parameters: EvaluationParameters,
) -> list[Check]:
    """Returns the checks that need neither a served model nor an index."""
    new, popular = rankings[NEW_MODEL], rankings[POPULARITY]
    found, expected = (recall(each.hits, each.relevant, K) for each in (new, popular))
    books = {
        name: part[f"recall_at_{K}"]
        for kind in ("popularity", "genre")
        for name, part in metrics[NEW_MODEL]["slices"][kind].items()
        if part["heldout_interactions"]
    }
    return [
        model_gate.better_than_popularity(found, expected, parameters),
        model_gate.covers_enough(metrics[NEW_MODEL][f"reachable_coverage_at_{K}"]["value"], parameters),
        model_gate.knows_enough(model.known, parameters),
        *model_gate.slices_hold(activity_recalls(new, training), activity_recalls(popular, training), parameters),
        model_gate.books_hold(books, parameters),
    ]


def summary(metrics: dict[str, Any], data_sha256: str, key_id: str | None) -> dict[str, Any]:
    """Returns the release note's content: hash of the data, id of the pseudonym key, and metrics."""
    found = {name: metrics[NEW_MODEL][name] for name in (*(f"{name}_at_{K}" for name in SHOWN), f"coverage_at_{K}")}
    popularity = {f"recall_at_{K}_of_popularity": metrics[POPULARITY][f"recall_at_{K}"]}
    sizes = {name: metrics[name] for name in ("holdout_users", "heldout_interactions")}
    return {
        "data_sha256": data_sha256 or None,
        features.PSEUDONYM_KEY_ID: key_id,
        "measured": {**found, **popularity, **sizes},
    }


def compared(served: dict[str, Any]) -> dict[str, float | str | None]:
    """Returns the properties about the served model; None values if there is none."""
    return {"served_version": served.get("version"), f"recall_at_{K}_of_served": served.get(f"recall_at_{K}")}


def _compare(
    holdout: Holdout,
    model: HoldoutScorer,
    served: ServedModel,
    users: Ids,
    rankings: Rankings,
    parameters: EvaluationParameters,
    key_id: str | None,
) -> tuple[list[Check], dict[str, Any]]:
    """Compares with the served model on interactions that neither hold-out model was trained on."""
    facts: dict[str, Any] = {"version": served.version}
    if served.holdout_model is None:
        return [model_gate.served_unusable(f"version {served.version}: {served.why_not}", parameters)], facts
    hidden, wanted, books = holdout.training, holdout.wanted, len(holdout.books)
    other = HoldoutScorer(served.holdout_model, holdout.books.tokens, hidden)
    seen = seen_by(
        served.holdout_model.trained_on,
        *(
            hash_interactions(holdout.users.tokens, holdout.books.tokens, each)
            for each in (holdout.train, holdout.heldout)
        ),
    )
    leaked = seen.heldout
    facts |= {"known_books": float(other.known.mean()), "heldout_interactions_left_out": int(leaked.sum())}
    reason = why_not_comparable(other.known, seen, KeyIds(served.key_id, key_id))
    if reason:
        return [model_gate.served_unusable(f"version {served.version} {reason}", parameters)], facts
    if leaked.any():
        kept, left_out = (
            Interactions(holdout.heldout.users[mask], holdout.heldout.books[mask]) for mask in (~leaked, leaked)
        )
        wanted = group_by_user(kept, len(holdout.users))
        hidden = group_by_user(joined(holdout.train, left_out), len(holdout.users))
        rankings = rank(model.scores, users, hidden, wanted, books, K)
    others = rank(other.scores, users, hidden, wanted, books, K)
    first, second = (recall(found.hits, found.relevant, K) for found in (rankings, others))
    facts |= {f"recall_at_{K}": mean(second), f"recall_at_{K}_of_the_new_model": mean(first)}
    # Only users that the served model knows: it has never ranked for others, such as new fake accounts.
    known = np.isin(users, holdout.train.users[seen.training])
    lists = others.books[known, :K], rankings.books[known, :K]
    checks, facts[EXPOSURE] = compare_exposure(other, model, lists, holdout.books.tokens, holdout.training, parameters)
    return [model_gate.not_worse_than_served(first, second, parameters), *checks], facts


def read_holdout(examples_uri: str, transformed_uri: str, transform_uri: str) -> Holdout:
    """Reads the splits and vocabularies from the artifacts' folders."""
    transformed = tft.TFTransformOutput(transform_uri)
    users, books = (
        read_vocabulary(transformed.vocabulary_file_by_name(name))
        for name in (features.USER_VOCABULARY, features.ISBN_VOCABULARY)
    )
    train, heldout = (
        read_interactions([f"{transformed_uri}/Split-{split}/*"])
        for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT)
    )
    books = Vocabulary(books.tokens, np.bincount(train.books, minlength=len(books)))
    return Holdout(users, books, train, heldout, read_genres(examples_uri, books.tokens))


def read_genres(examples_uri: str, books: Sequence[bytes]) -> Genres:
    """Returns the genres of `books`, from each book's first training review with genres."""
    found, genres = first_genres(examples_uri, [features.TRAIN_SPLIT], books)
    return genres_of_books(found, genres, len(books))


def _show(metrics: dict[str, Any], users: int, exposure: dict[str, Any] | None) -> None:
    columns = [f"{name}_at_{K}" for name in SHOWN] + [f"coverage_at_{K}"]
    tell(f"{users:,} hold-out users        " + "  ".join(f"{column:>14}" for column in columns))
    for name, measured in metrics.items():
        tell(f"{name:<26} " + "  ".join(f"{measured[column]['value']:>14.4f}" for column in columns))
    if exposure is None:
        tell("nothing that is served can be compared with: what is shown to readers is not compared")
        return
    for line in lines(exposure):
        tell(line)
