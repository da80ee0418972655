import numpy as np
import pytest

from data.histories import Histories, Interactions, group_by_user
from evaluation.beyond_accuracy import genres_of_books
from evaluation.ranking import Rankings, rank
from evaluation.report_metrics import Surroundings, activity_recalls, measure

USERS, BOOKS = 40, 130
RANDOM = np.random.default_rng(0)
DRAWN = RANDOM.random((USERS, BOOKS))
# Reader 39 has read nothing; the others from few books to many.
READ = np.linspace(0.25, 0.0, USERS)[:, np.newaxis] > DRAWN
WANTED = ~READ & (DRAWN > 0.96)
SCORES = (RANDOM.random((USERS, BOOKS)) + 0.8 * WANTED).astype(np.float32)
ASKED = np.flatnonzero(WANTED.any(axis=1)).astype(np.int32)
GENRES = genres_of_books(range(BOOKS), [["even"] if book % 2 == 0 else ["odd", "some"] for book in range(BOOKS)], BOOKS)

MEANS = {
    *(f"{name}_at_{k}" for name in ("recall", "ndcg", "hit_rate", "mrr") for k in (10, 20, 100)),
    "novelty_at_20",
    "popularity_percentile_at_20",
    "genre_diversity_at_20",
    "genre_affinity_at_20",
    "genre_affinity_of_random_books_at_20",
}
WHOLES = {"coverage_at_20", "reachable_coverage_at_20", "gini_at_20"}


def histories(pairs: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(pairs))), USERS)


def rankings() -> Rankings:
    return rank(lambda block: SCORES[block], ASKED, histories(READ), histories(WANTED), BOOKS, 100)


@pytest.fixture(scope="module")
def measured() -> dict:
    surroundings = Surroundings(histories(READ), histories(WANTED), READ.sum(axis=0), GENRES)
    return measure(rankings(), surroundings, resamples=200, seed=1)


def top(user: int, k: int) -> list[int]:
    unread = [book for book in range(BOOKS) if not READ[user, book]]
    return sorted(unread, key=lambda book: -SCORES[user, book])[:k]


def slow_recall(user: int, k: int) -> float:
    return float(WANTED[user, top(user, k)].sum() / WANTED[user].sum())


def test_everything_has_a_name(measured: dict) -> None:
    assert set(measured) == MEANS | WHOLES | {"slices"}


def test_intervals_stand_around_the_means_and_nowhere_else(measured: dict) -> None:
    for name in MEANS:
        assert measured[name]["low"] <= measured[name]["value"] <= measured[name]["high"], name
    for name in ("recall_at_20", "ndcg_at_10", "novelty_at_20", "genre_affinity_at_20"):
        assert measured[name]["low"] < measured[name]["high"], name
    for name in WHOLES:
        assert set(measured[name]) == {"value"}


def test_accuracy_is_that_of_a_slow_ranking(measured: dict) -> None:
    for k in (10, 20, 100):
        recalls = [slow_recall(user, k) for user in ASKED]
        assert measured[f"recall_at_{k}"]["value"] == pytest.approx(np.mean(recalls))
        assert measured[f"hit_rate_at_{k}"]["value"] == pytest.approx(np.mean(np.array(recalls) > 0))
    assert 0.2 < measured["recall_at_20"]["value"] < 1


def test_what_lies_beyond_accuracy_is_measured_on_the_first_20_books(measured: dict) -> None:
    shown = np.array([top(user, 20) for user in ASKED])
    different = len(np.unique(shown))
    assert measured["coverage_at_20"]["value"] == pytest.approx(different / BOOKS)
    assert measured["reachable_coverage_at_20"]["value"] == pytest.approx(different / min(BOOKS, shown.size))
    counts, readers = READ.sum(axis=0), int(READ.any(axis=1).sum())
    assert readers < USERS
    surprise = -np.log2(np.maximum(counts, 1) / readers)[shown]
    assert measured["novelty_at_20"]["value"] == pytest.approx(surprise.mean())


def test_readers_without_a_history_have_no_affinity_and_no_random_one(measured: dict) -> None:
    """Both means are over the same readers, or else they could not be compared."""
    asked = [user for user in ASKED if READ[user].any()]
    assert len(asked) < len(ASKED)
    surroundings = Surroundings(histories(READ), histories(WANTED), READ.sum(axis=0), GENRES)
    only = rank(
        lambda block: SCORES[block], np.array(asked, np.int32), surroundings.training, surroundings.heldout, BOOKS, 100
    )
    alone = measure(only, surroundings, resamples=10, seed=1)
    for name in ("genre_affinity_at_20", "genre_affinity_of_random_books_at_20"):
        assert measured[name]["value"] == pytest.approx(alone[name]["value"])
    assert measured["recall_at_20"]["value"] != pytest.approx(alone["recall_at_20"]["value"])


def test_a_list_without_genres_counts_in_neither_affinity() -> None:
    first = int(ASKED[0])
    others = [book for book in range(BOOKS) if book not in top(first, 20)]
    assert READ[first, others].any()
    genres = genres_of_books(others, [["even" if book % 2 == 0 else "odd"] for book in others], BOOKS)
    surroundings = Surroundings(histories(READ), histories(WANTED), READ.sum(axis=0), genres)
    whole = rankings()
    every, rest = (measure(found, surroundings, 10, 1) for found in (whole, Rankings(*(part[1:] for part in whole))))
    for name in ("genre_affinity_at_20", "genre_affinity_of_random_books_at_20"):
        assert every[name]["value"] == pytest.approx(rest[name]["value"])


def test_readers_are_sliced_by_their_training_books(measured: dict) -> None:
    by_activity = measured["slices"]["activity"]
    assert list(by_activity) == ["few", "some", "many"]
    assert sum(entry["readers"] for entry in by_activity.values()) == len(ASKED)
    most = sorted(ASKED, key=lambda user: READ[user].sum())[-by_activity["many"]["readers"] :]
    assert READ[most].sum(axis=1).min() > np.median(READ[ASKED].sum(axis=1))
    assert by_activity["many"]["recall_at_20"] == pytest.approx(np.mean([slow_recall(user, 20) for user in most]))
    average = sum(entry["recall_at_20"] * entry["readers"] for entry in by_activity.values()) / len(ASKED)
    assert average == pytest.approx(measured["recall_at_20"]["value"])


def test_empty_slices_are_left_out() -> None:
    one = rankings()
    few = Rankings(*(part[:1] for part in one))
    assert activity_recalls(few, histories(READ)) == {"few": (pytest.approx(slow_recall(int(ASKED[0]), 20)), 1)}


def test_heldout_interactions_are_sliced_by_popularity_and_genre(measured: dict) -> None:
    by_popularity, by_genre = measured["slices"]["popularity"], measured["slices"]["genre"]
    assert list(by_popularity) == ["head", "torso", "tail"]
    assert sum(entry["heldout_interactions"] for entry in by_popularity.values()) == WANTED[ASKED].sum()
    found = np.zeros_like(WANTED)
    for user in ASKED:
        found[user, top(user, 20)] = WANTED[user, top(user, 20)]
    assert set(by_genre) == {"even", "odd", "some"}
    for name, start in (("even", 0), ("odd", 1), ("some", 1)):
        wanted = int(WANTED[:, start::2].sum())
        assert by_genre[name]["heldout_interactions"] == wanted
        assert by_genre[name]["recall_at_20"] == pytest.approx(found[:, start::2].sum() / wanted)


def test_the_seed_decides_the_intervals_and_not_the_means(measured: dict) -> None:
    surroundings = Surroundings(histories(READ), histories(WANTED), READ.sum(axis=0), GENRES)
    same, other = (measure(rankings(), surroundings, resamples=200, seed=seed) for seed in (1, 2))
    assert same == measured
    assert other["recall_at_20"]["value"] == measured["recall_at_20"]["value"]
    assert other["recall_at_20"] != measured["recall_at_20"]
