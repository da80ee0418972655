"""Labels of metrics, models, outcomes and counts for the page, and the meaning of each metric."""

from typing import Final, NamedTuple

from report.facts.run import Outcome
from report.page.formatting import number, percent, score


class Wording(NamedTuple):
    """Label, meaning and format of a metric."""

    label: str
    meaning: str
    form: str = "score"
    """Name of the formatting function: `score`, `percent` or `number`."""

    def write(self, value: float | None) -> str:
        """Returns the formatted figure."""
        return {"score": score, "percent": percent, "number": number}[self.form](value)


OF_MEASURES: Final = {
    "recall": Wording("Recall", "Share of a reader's held-out books that are among the first {k} recommended."),
    "ndcg": Wording("NDCG", "As recall, but a book counts for more the higher it stands; 1 is the best order."),
    "hit_rate": Wording("Hit rate", "Share of readers with at least one held-out book among the first {k}.", "percent"),
    "mrr": Wording("MRR", "Mean of 1 / rank of a reader's first held-out book."),
    "coverage": Wording("Coverage", "Share of all books that are recommended to anyone.", "percent"),
    "reachable_coverage": Wording(
        "Reachable coverage", "Coverage, as a share of what so many lists of {k} could cover.", "percent"
    ),
    "gini": Wording("Gini index", "How unevenly books are shown: 0 is all alike, 1 is one book to everybody."),
    "novelty": Wording(
        "Novelty", "Mean self-information of a recommended book, in bits: rare books have more.", "number"
    ),
    "popularity_percentile": Wording(
        "Popularity percentile",
        "Share of books that are less popular than one recommended; a random book has 50 %.",
        "percent",
    ),
    "genre_diversity": Wording("Genre diversity", "How different the genres within a list are: 0 is all the same."),
    "genre_affinity": Wording("Genre affinity", "How near a list's genres are to those of the books that were read."),
    "genre_affinity_of_random_books": Wording("Genre affinity of random books", "What chance alone would reach."),
}

MODELS: Final = {
    "model": "This model",
    "popularity": "Popularity",
    "item_knn": "Item kNN",
    "ease": "EASE",
    "implicit_als": "Implicit ALS",
}

OUTCOMES: Final[dict[Outcome, str]] = {
    "pushed": "Pushed",
    "refused": "Refused",
    "failed": "Failed",
    "interrupted": "Interrupted",
}

COUNTS: Final = {
    "reviews": "Reviews",
    "users": "Readers",
    "books": "Books",
    "duplicates": "Repeated reviews, left out",
    "positive": "Rated above 3",
    "moderate": "Rated 3",
    "negative": "Rated below 3",
    "unrated": "Without a rating",
    "kept_users": "Readers kept",
    "kept_books": "Books kept",
    "kept_interactions": "Interactions kept",
    "train_interactions": "Interactions to train on",
    "eval_interactions": "Interactions held out",
    "unseen_interactions": "Held out, with a book that training never sees",
    "eval_users": "Readers with held-out books",
    "most_books_of_a_user": "Most books of a reader",
}


def of_measure(name: str) -> Wording:
    """Returns the wording of a metric such as `recall_at_20`. An unknown metric is labelled with its name."""
    stem, _, k = name.partition("_at_")
    known = OF_MEASURES.get(stem)
    if known is None:
        return Wording(plain(name), "", "number")
    return known._replace(label=f"{known.label}@{k}" if k else known.label, meaning=known.meaning.format(k=k))


def of_model(name: str) -> str:
    """Returns the label of a model: the new model, popularity, or a baseline."""
    return MODELS.get(name, plain(name))


def of_count(name: str) -> str:
    """Returns the label of a count."""
    return COUNTS.get(name, plain(name))


def plain(name: str) -> str:
    """Returns an identifier as words."""
    words = name.replace("_", " ").replace(".", ": ").strip()
    return words[:1].upper() + words[1:]
