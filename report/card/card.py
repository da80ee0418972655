"""The model card of a run: the sections of Mitchell et al., Model cards for model reporting, FAT* 2019.

The figures come from the run. The sentences hold for every model of this pipeline.
"""

from typing import Any

from evaluation.metrics import K
from report.facts.run import RunFacts
from transform import features

_WEIGHTED = {"trained": "trained two towers", "closed_form": "closed form", "regression": "local regression"}


def model_card(facts: RunFacts) -> dict[str, Any]:
    """Returns the model card for `facts`: plain values, in the section order of the paper.

    A section without facts is empty.
    """
    return {
        "model_details": _details(facts),
        "intended_use": _use(),
        "factors": {
            "relevant": [
                "readers of few, of some and of many books",
                "books of the head, of the torso and of the tail, each with a third of the interactions",
                "genres",
            ],
            "not_evaluated": ["age, gender, language or place of readers: the reviews do not name them"],
        },
        "metrics": {
            "measures": {
                f"recall_at_{K}": f"held-out books among the best {K}, as a share of the reader's held-out books",
                f"ndcg_at_{K}": "the same, discounted by rank",
                f"hit_rate_at_{K}": f"readers with a held-out book among the best {K}",
                f"mrr_at_{K}": "mean of one over the rank of the first held-out book",
                f"coverage_at_{K}": "books that are recommended to anyone, as a share of all",
                f"gini_at_{K}": "how unequally books are shown: 0 all alike, 1 one book only",
            },
            "intervals": "95 %, bootstrap over readers",
            "decision_thresholds": [
                {"what": check.what, "found": check.found, "needed": check.needed, "passed": check.passed}
                for gate in facts.gates
                for check in gate.checks
            ],
        },
        "evaluation_data": _evaluation_data(facts),
        "training_data": _training_data(facts),
        "quantitative_analyses": _analyses(facts),
        "ethical_considerations": [
            "Readers are known by pseudonyms, a keyed hash of their names. The model holds which books each of them "
            "reviewed: who can ask it and knows a pseudonym can find that out.",
            "Popular books are shown more often than others. Coverage, the Gini index and the popularity percentile "
            "say how much, and recall by slice says for whom the model works less well.",
        ],
        "caveats_and_recommendations": [
            "The figures are those of the hold-out model, fitted by the same recipe without the held-out books; the "
            "pushed model has seen them too.",
            "What readers reviewed is taken for what they liked: a bad rating counts like a good one.",
            "A held-out book counts as the only right answer; a good recommendation that nobody reviewed counts as "
            "wrong. The figures compare models, and do not foretell what readers will do.",
            "A reader, or a book, that came after the training is unknown until the next run.",
        ],
    }


def _details(facts: RunFacts) -> dict[str, Any]:
    trained, lineage = facts.trained, facts.lineage
    return {
        "name": facts.pipeline,
        "run": facts.run_id,
        "date": facts.finished,
        "type": "Two-tower retrieval model; a score is the dot product of a reader's and a book's vector",
        "made_of": {
            _WEIGHTED[part]: weight for part, weight in (trained.recipe["mix"].items() if trained else ()) if weight
        },
        "recipe": trained.recipe if trained else {},
        "users": trained.users if trained else None,
        "books": trained.books if trained else None,
        "git_revision": lineage.git_revision,
        "versions": lineage.versions,
        "seeds": lineage.seeds,
        "pseudonym_key_id": lineage.pseudonym_key_id,
        "configuration": lineage.configuration,
        "serving": facts.serving.model_dump() if facts.serving else {},
    }


def _use() -> dict[str, Any]:
    return {
        "primary_uses": [
            "recommend books that a reader has not reviewed yet, the best first",
            "find books like a given one",
            "recommend for a list of books that a reader without an account likes",
        ],
        "signatures": [
            features.SERVING_SIGNATURE,
            features.RECOMMEND_SIGNATURE,
            features.HISTORY_SIGNATURE,
            features.SIMILAR_BOOKS_SIGNATURE,
            features.USER_EMBEDDING_SIGNATURE,
            features.BOOK_EMBEDDING_SIGNATURE,
        ],
        "out_of_scope": [
            "predicting how many stars a reader will give: scores order books, and are no ratings",
            "judging books, authors or readers",
        ],
    }


def _evaluation_data(facts: RunFacts) -> dict[str, Any]:
    if facts.evaluated is None:
        return {}
    return {
        "description": "books of a sample of readers, held out by a hash of the seed, the reader and the book",
        "holdout_users": facts.evaluated.holdout_users,
        "heldout_interactions": facts.evaluated.heldout_interactions,
        "split": facts.lineage.configuration.get("split", {}),
    }


def _training_data(facts: RunFacts) -> dict[str, Any]:
    came_in, kept, trained = facts.came_in, facts.kept, facts.trained
    return {
        "content_sha256": facts.lineage.data_sha256,
        "rows": came_in.rows if came_in else None,
        "rejected_rows": came_in.rejected_rows if came_in else None,
        "counts": kept.counts if kept else {},
        "train_interactions": trained.train_interactions if trained else None,
        "heldout_interactions": trained.heldout_interactions if trained else None,
    }


def _analyses(facts: RunFacts) -> dict[str, Any]:
    evaluated = facts.evaluated
    if evaluated is None:
        return {}
    return {
        "overall": {
            model.name: {name: figure.model_dump(exclude_none=True) for name, figure in model.figures.items()}
            for model in evaluated.models
        },
        "served_model": evaluated.served.model_dump() if evaluated.served else None,
        "by_activity_of_readers": [each.model_dump() for each in evaluated.activity],
        "by_popularity_of_books": [each.model_dump() for each in evaluated.popularity],
        "by_genre": [each.model_dump() for each in evaluated.genres],
    }
