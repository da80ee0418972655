"""All reported metrics of one model's rankings for the hold-out users."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from data.histories import Histories, row_entries
from evaluation import beyond_accuracy, slices
from evaluation.bootstrap import intervals
from evaluation.metrics import ACCURACY, K, mean, recall
from evaluation.ranking import Rankings

CUTOFFS: Final = (10, 20, 100)


class Surroundings(NamedTuple):
    """The data that metrics need besides the rankings."""

    training: Histories
    heldout: Histories
    book_counts: npt.NDArray[np.int64]
    """`[books]`: training interactions of each book."""

    genres: beyond_accuracy.Genres


def measure(rankings: Rankings, surroundings: Surroundings, resamples: int, seed: int) -> dict[str, Any]:
    """Computes all metrics of rankings with at least 100 ranks.

    Returns:
      `<metric>_at_<k>` by name, each with `value`. A mean over users also has `low` and `high`, its 95 % interval.
      `slices` holds Recall@20 by users' activity, books' popularity and genre.
    """
    top, counts, genres = rankings.books[:, :K], surroundings.book_counts, surroundings.genres
    readers = int(np.count_nonzero(surroundings.training.sizes()))
    indptr, history = surroundings.training.row_splits, surroundings.training.books
    affinity = beyond_accuracy.genre_affinity(top, indptr, history, rankings.users, genres)
    random = beyond_accuracy.random_affinity(indptr, history, rankings.users, genres)
    means = {
        f"{name}_at_{k}": metric(rankings.hits, rankings.relevant, k)
        for name, metric in ACCURACY.items()
        for k in CUTOFFS
    } | {
        f"novelty_at_{K}": beyond_accuracy.novelty(top, counts, readers),
        f"popularity_percentile_at_{K}": beyond_accuracy.popularity_percentile(top, counts),
        f"genre_diversity_at_{K}": beyond_accuracy.intra_list_diversity(top, genres),
        f"genre_affinity_at_{K}": affinity,
        f"genre_affinity_of_random_books_at_{K}": np.where(np.isnan(affinity), np.nan, random),
    }
    bounds = intervals(np.stack(list(means.values())), resamples, seed)
    measured: dict[str, Any] = {
        name: {"value": mean(values), "low": low, "high": high}
        for (name, values), (low, high) in zip(means.items(), bounds, strict=True)
    }
    for name, value in {
        "coverage": beyond_accuracy.coverage(top, len(counts)),
        "reachable_coverage": beyond_accuracy.reachable_coverage(top, len(counts)),
        "gini": beyond_accuracy.gini(top, len(counts)),
    }.items():
        measured[f"{name}_at_{K}"] = {"value": float(value)}
    measured["slices"] = _slices(rankings, surroundings)
    return measured


def activity_recalls(rankings: Rankings, training: Histories) -> dict[str, tuple[float, int]]:
    """Returns mean Recall@20 and number of users by activity slice (few, some, many), without empty slices."""
    recalls = recall(rankings.hits, rankings.relevant, K)
    masks = slices.activity_slices(training.sizes()[rankings.users])
    return {name: (mean(recalls[mask]), int(mask.sum())) for name, mask in masks.items() if mask.any()}


def _slices(rankings: Rankings, surroundings: Surroundings) -> dict[str, Any]:
    _, heldout_books = row_entries(surroundings.heldout, rankings.users)
    classes = slices.popularity_classes(surroundings.book_counts)
    ranked, hits = rankings.books, rankings.hits
    tables = {
        "activity": (activity_recalls(rankings, surroundings.training), "readers"),
        "popularity": (slices.recall_by_class(ranked, hits, heldout_books, classes, K), "heldout_interactions"),
        "genre": (slices.recall_by_genre(ranked, hits, heldout_books, surroundings.genres, K), "heldout_interactions"),
    }
    return {
        table: {name: {f"recall_at_{K}": value, unit: size} for name, (value, size) in rows.items()}
        for table, (rows, unit) in tables.items()
    }
