"""RetrievalEvaluator: measures the new model, its peers and the served one on one hold-out, and blesses or refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow_transform as tft
from tfx import v1 as tfx

from components import model_gate
from components.book_genres import first_genres
from components.comparability import KeyIds, seen_by, why_not_comparable
from components.evaluation_parameters import EvaluationParameters
from components.exposure import compare_exposure, lines
from components.headline import describe, headline
from components.served_model import ServedModel, read_served_model
from components.verdict import Check, write_verdict
from trainer.beyond_accuracy import Genres, genres_of_books
from trainer.hyperparameters import Hyperparameters
from trainer.index import make_index
from trainer.index_recall import index_recall
from trainer.interactions import Histories, Ids, Interactions, group_by_user, joined, read_interactions
from trainer.judged_model import JudgedModel
from trainer.measures import CUTOFFS, Surroundings, activity_recalls, measure
from trainer.metrics import mean, recall
from trainer.peers import rank_peers
from trainer.ranking import Rankings, rank, rank_alike
from trainer.side_by_side import side_by_side
from trainer.stored_table import stored
from trainer.training import K
from trainer.twin import hash_interactions, read_twin
from trainer.vocabulary import Vocabulary, read_vocabulary
from transform import features
from transform.json_files import read_json, write_json
from transform.progress import tell

METRICS_FILE: Final = "metrics.json"
POPULARITY: Final = "popularity"
NEW_MODEL: Final = "model"
EXPOSURE: Final = "exposure"
SHOWN: Final = ("recall", "ndcg", "hit_rate", "mrr")


@dataclass(frozen=True)
class Holdout:
    """What models are judged by."""

    users: Vocabulary
    books: Vocabulary
    train: Interactions
    heldout: Interactions
    genres: Genres

    @cached_property
    def training(self) -> Histories:
        """What each user has read."""
        return group_by_user(self.train, len(self.users))

    @cached_property
    def wanted(self) -> Histories:
        """What was held out of each user's books."""
        return group_by_user(self.heldout, len(self.users))


class Verdict(NamedTuple):
    """What the evaluation found."""

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
    """Ranks all books for all hold-out users by the model's twin, and decides whether the model may be pushed.

    Args:
      examples: the splits with genres.
      transformed_examples: the splits in ids.
      transform_graph: the vocabularies.
      model: what Trainer exported, with its twin.
      evaluation: gets `metrics.json`.
      blessing: gets the verdict, `measured.json` for the note beside the pushed model, and
        `refusal.txt` if it is against the model.
      push_dir: where the served model is.
      parameters: `EvaluationParameters`, as JSON.
    """
    holdout = read_holdout(examples.uri, transformed_examples.uri, transform_graph.uri)
    twin = read_twin(f"{model.uri}/Format-Serving/{features.TWIN_FILE}")
    judged = JudgedModel(twin, holdout.books.tokens, holdout.training)
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
    model: JudgedModel,
    served: ServedModel | None,
    parameters: EvaluationParameters,
    hyperparameters: Hyperparameters,
    key_id: str | None = None,
) -> Verdict:
    """Measures everything and checks the model.

    Args:
      holdout: the split, the same for all.
      model: the new model's twin.
      served: what is served now, if anything is.
      parameters: how, and what is needed.
      hyperparameters: with which index the new model searches.
      key_id: of the pseudonym key of today's readers; None: it is not known.
    """
    training, wanted, books, depth = holdout.training, holdout.wanted, len(holdout.books), max(CUTOFFS)
    users = np.flatnonzero(wanted.sizes()).astype(np.int32)
    popularity = np.bincount(training.books, minlength=books).astype(np.float32)
    surroundings = Surroundings(training, wanted, holdout.books.counts, holdout.genres)
    rankings = {
        NEW_MODEL: rank(model.scores, users, training, wanted, books, depth),
        POPULARITY: rank_alike(popularity, users, training, wanted, depth),
        **rank_peers(parameters.peers, training, wanted, users, books, depth, parameters.seed),
    }
    with side_by_side() as pool:
        measured = pool.map(
            lambda found: measure(found, surroundings, parameters.resamples, parameters.seed), rankings.values()
        )
        metrics = dict(zip(rankings, measured, strict=True))
    recalls = {name: recall(found.hits, found.relevant, K) for name, found in rankings.items()}
    checks = [
        model_gate.better_than_popularity(recalls[NEW_MODEL], recalls[POPULARITY], parameters),
        model_gate.covers_enough(metrics[NEW_MODEL][f"reachable_coverage_at_{K}"]["value"], parameters),
        model_gate.knows_enough(model.known, parameters),
        *model_gate.slices_hold(
            activity_recalls(rankings[NEW_MODEL], training),
            activity_recalls(rankings[POPULARITY], training),
            parameters,
        ),
        model_gate.books_hold(
            {
                name: found[f"recall_at_{K}"]
                for kind in ("popularity", "genre")
                for name, found in metrics[NEW_MODEL]["slices"][kind].items()
                if found["heldout_interactions"]
            },
            parameters,
        ),
    ]
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
    _show(metrics, len(users))
    if EXPOSURE in comparison:
        for line in lines(comparison[EXPOSURE]):
            tell(line)
    else:
        tell("nothing that is served can be compared with: what is shown to readers is not compared")
    facts = {
        "holdout_users": len(users),
        "heldout_interactions": len(holdout.heldout),
        "served": comparison,
        **approximation,
        "checks": [check._asdict() for check in checks],
    }
    return Verdict({**metrics, **facts}, checks)


def summary(metrics: dict[str, Any], data_sha256: str, key_id: str | None) -> dict[str, Any]:
    """Returns what goes with the model when it is pushed: of which data and key it is, and how well its twin did."""
    found = {name: metrics[NEW_MODEL][name] for name in (*(f"{name}_at_{K}" for name in SHOWN), f"coverage_at_{K}")}
    popularity = {f"recall_at_{K}_of_popularity": metrics[POPULARITY][f"recall_at_{K}"]}
    sizes = {name: metrics[name] for name in ("holdout_users", "heldout_interactions")}
    return {
        "data_sha256": data_sha256 or None,
        features.PSEUDONYM_KEY_ID: key_id,
        "measured": {**found, **popularity, **sizes},
    }


def compared(served: dict[str, Any]) -> dict[str, float | str | None]:
    """Returns the properties that tell of the served model: nothing where there is none."""
    return {"served_version": served.get("version"), f"recall_at_{K}_of_served": served.get(f"recall_at_{K}")}


def _compare(
    holdout: Holdout,
    model: JudgedModel,
    served: ServedModel,
    users: Ids,
    rankings: Rankings,
    parameters: EvaluationParameters,
    key_id: str | None,
) -> tuple[list[Check], dict[str, Any]]:
    """Compares with the served model on what neither twin was trained on."""
    facts: dict[str, Any] = {"version": served.version}
    if served.twin is None:
        return [model_gate.served_unusable(f"version {served.version}: {served.why_not}", parameters)], facts
    hidden, wanted, books = holdout.training, holdout.wanted, len(holdout.books)
    other = JudgedModel(served.twin, holdout.books.tokens, hidden)
    seen = seen_by(
        served.twin.trained_on,
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
    # Of readers whom the served model does not know, made-up ones among them, it was never asked.
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
    """Returns the genres of `books`, from the first training review of each that names any."""
    found, genres = first_genres(examples_uri, [features.TRAIN_SPLIT], books)
    return genres_of_books(found, genres, len(books))


def _show(metrics: dict[str, Any], users: int) -> None:
    columns = [f"{name}_at_{K}" for name in SHOWN] + [f"coverage_at_{K}"]
    tell(f"{users:,} hold-out users        " + "  ".join(f"{column:>14}" for column in columns))
    for name, measured in metrics.items():
        tell(f"{name:<26} " + "  ".join(f"{measured[column]['value']:>14.4f}" for column in columns))
