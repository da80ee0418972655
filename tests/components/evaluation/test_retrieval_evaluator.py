"""The gate as a whole: models that were really fitted, good ones and ones that are bad in a way of their own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.artifacts import parquet_examples
from components.artifacts.verdict import table
from components.evaluation.comparability import HASH_VALUES, KeyIds, seen_by, shares_interactions, why_not_comparable
from components.evaluation.evaluation_parameters import EvaluationParameters
from components.evaluation.holdout_scorer import HoldoutScorer
from components.evaluation.retrieval_evaluator import Holdout, Verdict, evaluate, read_genres
from components.evaluation.served_model import ServedModel
from data.example_schema import EXAMPLE_SCHEMA
from data.histories import Histories, Interactions, as_matrix, group_by_user, joined
from evaluation.beyond_accuracy import genres_of_books
from trainer.export.holdout_model import HoldoutModel, hash_interactions
from trainer.fitting.schedule import Schedule
from trainer.hyperparameters import Hyperparameters
from trainer.models import shrunk_svd
from trainer.models.popularity import popularity_for_strangers
from trainer.models.towers import BookTowers
from trainer.selection import model_configuration
from transform import features
from transform.vocabulary import Vocabulary

BOOKS, TASTES = 160, 8
DEFAULTS = EvaluationParameters()
EXACT = Hyperparameters()
TODAYS_KEY = "fedcba987654"
AGAINST_SERVED = "Recall@20 against the served model"
AGAINST_POPULARITY = "Recall@20 against popularity"
KNOWN = "today's books that it knows"
EXPOSURES = ["places that went to other books", "books that rose in readers' lists", "books new for strangers"]
OF_ANY_EXPOSURE = EvaluationParameters(max_exposure_drift=1, max_exposure_rise=1, max_new_for_strangers=20)


def make_holdout(readers: int) -> Holdout:
    """Readers of about 12 books, mostly of their own taste, popular ones more often; a fifth is held out."""
    random = np.random.default_rng(5)
    popularity = 1 / (np.arange(BOOKS) + 5)
    tastes = np.arange(BOOKS) % TASTES
    pairs = []
    for reader in range(readers):
        weights = popularity * np.where(tastes == reader % TASTES, 20, 1)
        size = np.clip(random.poisson(12), 5, 25)
        pairs += [(reader, book) for book in random.choice(BOOKS, size, replace=False, p=weights / weights.sum())]
    every = np.array(pairs, np.int32)
    out = random.random(len(every)) < 0.2
    train, heldout = (Interactions(every[part, 0], every[part, 1]) for part in (~out, out))
    users = Vocabulary([b"reader %d" % reader for reader in range(readers)], np.bincount(train.users))
    books = Vocabulary([b"book %d" % book for book in range(BOOKS)], np.bincount(train.books, minlength=BOOKS))
    genres = genres_of_books(range(BOOKS), [[f"genre {taste}"] for taste in tastes], BOOKS)
    return Holdout(users, books, train, heldout, genres)


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return make_holdout(1000)


def histories(interactions: Interactions, holdout: Holdout) -> Histories:
    return group_by_user(interactions, len(holdout.users))


def fitted(interactions: Interactions, holdout: Holdout) -> BookTowers:
    """Towers in shrunk SVD, which take no time."""
    read = as_matrix(histories(interactions, holdout), BOOKS)
    return shrunk_svd.towers(shrunk_svd.decompose(read, seed=0), shrunk_svd.Settings(dim=8))


def hashes(interactions: Interactions, holdout: Holdout) -> np.ndarray:
    return np.sort(hash_interactions(holdout.users.tokens, holdout.books.tokens, interactions))


def holdout_model_of(towers: BookTowers, holdout: Holdout, trained_on: Interactions | None = None) -> HoldoutModel:
    trained_on = holdout.train if trained_on is None else trained_on
    popularity = popularity_for_strangers(histories(trained_on, holdout), len(holdout.books))
    return HoldoutModel(towers, holdout.books.tokens, hashes(trained_on, holdout), popularity)


def judge(
    holdout: Holdout,
    holdout_model: HoldoutModel,
    served: HoldoutModel | ServedModel | None,
    parameters: EvaluationParameters = DEFAULTS,
    hyperparameters: Hyperparameters = EXACT,
    key_id: str | None = None,
) -> Verdict:
    served = ServedModel("17", served, "") if isinstance(served, HoldoutModel) else served
    model = HoldoutScorer(holdout_model, holdout.books.tokens, holdout.training)
    return evaluate(holdout, model, served, parameters, hyperparameters, key_id)


def refused(verdict: Verdict) -> dict[str, str]:
    """What was found in each check that failed."""
    return {check.what: check.found for check in verdict.checks if not check.passed}


@pytest.fixture(scope="module")
def good(holdout: Holdout) -> HoldoutModel:
    return holdout_model_of(fitted(holdout.train, holdout), holdout)


def recall(verdict: Verdict, name: str = "model") -> float:
    return verdict.metrics[name]["recall_at_20"]["value"]


def test_a_first_model_needs_no_served_one(holdout: Holdout, good: HoldoutModel) -> None:
    verdict = judge(holdout, good, None)
    assert refused(verdict) == {}
    assert AGAINST_SERVED not in [check.what for check in verdict.checks]
    assert verdict.metrics["served"] == {}


def test_the_metrics_are_json_and_have_all_that_was_measured(holdout: Holdout, good: HoldoutModel) -> None:
    metrics = json.loads(json.dumps(judge(holdout, good, good).metrics))
    assert set(metrics) == {"model", "popularity", "holdout_users", "heldout_interactions", "served", "checks"}
    assert metrics["heldout_interactions"] == len(holdout.heldout)
    assert metrics["holdout_users"] == len(set(holdout.heldout.users.tolist()))
    model = metrics["model"]["recall_at_20"]
    assert model["low"] < model["value"] < model["high"]
    exposure = metrics["served"].pop("exposure")
    assert exposure == {
        "readers": metrics["holdout_users"],
        "drift": 0.0,
        "places_in_common": 1.0,
        "risen": [],
        "fallen": [],
        "new_for_strangers": [],
    }
    assert metrics["served"] == {
        "version": "17",
        "known_books": 1.0,
        "heldout_interactions_left_out": 0,
        "recall_at_20": pytest.approx(model["value"]),
        "recall_at_20_of_the_new_model": pytest.approx(model["value"]),
    }
    assert [check["passed"] for check in metrics["checks"]] == [True] * 11


@pytest.mark.parametrize("with_served", [False, True])
def test_a_model_of_shuffled_readers_is_refused(with_served: bool, holdout: Holdout, good: HoldoutModel) -> None:
    readers = np.random.default_rng(0).permutation(holdout.train.users)
    shuffled = holdout_model_of(fitted(Interactions(readers, holdout.train.books), holdout), holdout)
    reasons = refused(judge(holdout, shuffled, good if with_served else None))
    assert AGAINST_POPULARITY in reasons
    assert (AGAINST_SERVED in reasons) is with_served


@pytest.mark.parametrize("with_served", [False, True])
def test_a_model_of_best_sellers_is_refused(with_served: bool, holdout: Holdout, good: HoldoutModel) -> None:
    """It is level with popularity in every slice, so that nothing else would tell."""
    counts = holdout.books.counts[:, np.newaxis].astype(np.float32)
    holdout_model = holdout_model_of(BookTowers(np.ones_like(counts), counts), holdout)
    reasons = refused(judge(holdout, holdout_model, good if with_served else None))
    assert set(reasons) - set(EXPOSURES) == {AGAINST_POPULARITY, *([AGAINST_SERVED] if with_served else [])}
    assert (EXPOSURES[0] in reasons) is with_served
    assert reasons[AGAINST_POPULARITY].endswith("difference +0.0000 to +0.0000")


def test_a_model_of_one_list_for_everyone_does_not_cover_enough(holdout: Holdout, good: HoldoutModel) -> None:
    """Best-sellers reach the 20 that most readers have not read and few more: below a floor of half the books."""
    counts = holdout.books.counts[:, np.newaxis].astype(np.float32)
    holdout_model = holdout_model_of(BookTowers(np.ones_like(counts), counts), holdout)
    half = EvaluationParameters(min_coverage=0.5)
    assert "coverage of the recommendations" in refused(judge(holdout, holdout_model, None, half))
    assert refused(judge(holdout, good, None, half)) == {}


def test_a_model_that_is_a_tenth_worse_than_the_served_one_is_refused(holdout: Holdout, good: HoldoutModel) -> None:
    random = np.random.default_rng(0)
    towers = good.towers
    noise = random.normal(size=(2, *towers.query_table.shape)).astype(np.float32)
    before = recall(judge(holdout, good, None))
    for share in np.arange(0.1, 2, 0.1, np.float32):
        tables = [
            table + share * table.std() * noise[side]
            for side, table in enumerate((towers.query_table, towers.candidate_table))
        ]
        worse = holdout_model_of(BookTowers(*tables), holdout)
        verdict = judge(holdout, worse, good)
        lost = 1 - recall(verdict) / before
        if lost >= 0.08:
            break
    assert 0.08 <= lost <= 0.15
    assert set(refused(verdict)) - set(EXPOSURES) == {AGAINST_SERVED}
    assert refused(judge(holdout, worse, None)) == {}
    tolerant = EvaluationParameters(**{**OF_ANY_EXPOSURE.model_dump(), "max_recall_loss": 0.3})
    assert refused(judge(holdout, worse, good, tolerant)) == {}


def test_a_model_that_knows_half_of_the_books_is_refused(holdout: Holdout, good: HoldoutModel) -> None:
    towers, kept = good.towers, slice(0, BOOKS, 2)
    halved = BookTowers(towers.query_table[kept], towers.candidate_table[kept])
    verdict = judge(holdout, HoldoutModel(halved, good.books[kept], good.trained_on), good)
    assert refused(verdict)[KNOWN] == "50.0%"
    [check] = [check for check in verdict.checks if check.what == KNOWN]
    assert check.needed == "at least 95.0% (--evaluation.min-known-books)"


@pytest.mark.parametrize(
    "seeds",
    [pytest.param(4, marks=pytest.mark.integration), pytest.param(20, marks=pytest.mark.exhaustive)],
)
def test_equally_good_models_are_blessed(seeds: int, holdout: Holdout) -> None:
    """Of one recipe, they differ by their seeds; each is judged against the one before. One may be unlucky."""
    how = model_configuration.ModelConfiguration(Schedule(64, 30), 0.15, 10)
    training = histories(holdout.train, holdout)
    holdout_models = []
    for seed in range(seeds):
        tf.keras.utils.set_random_seed(seed)
        parameters = Hyperparameters(embedding_dim=16, parts=("trained",), seed=seed)
        holdout_models.append(holdout_model_of(model_configuration.fit(training, BOOKS, how, parameters), holdout))
    verdicts = [
        judge(holdout, holdout_model, holdout_models[at - 1]) for at, holdout_model in enumerate(holdout_models)
    ]
    assert len({recall(verdict) for verdict in verdicts}) > seeds // 2
    assert sum(not refused(verdict) for verdict in verdicts) >= seeds - 1, [refused(verdict) for verdict in verdicts]


def unusable(case: str, holdout: Holdout, good: HoldoutModel) -> ServedModel:
    others = [b"another " + token for token in holdout.books.tokens]
    strangers = hash_interactions([b"x" + user for user in holdout.users.tokens], holdout.books.tokens, holdout.train)
    everything = holdout_model_of(good.towers, holdout, joined(holdout.train, holdout.heldout))
    return {
        "no hold-out model": ServedModel("17", None, "/push/17/twin.npz: cannot be read."),
        "other books": ServedModel("17", good._replace(books=others), ""),
        "other readers": ServedModel("17", good._replace(trained_on=np.sort(strangers)), ""),
        "other readers, same key": ServedModel("17", good._replace(trained_on=np.sort(strangers)), "", TODAYS_KEY),
        "another key": ServedModel("17", good, "", "0123456789ab"),
        "whole hold-out": ServedModel("17", everything, ""),
    }[case]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("no hold-out model", "version 17: /push/17/twin.npz: cannot be read."),
        ("other books", "version 17 knows none of today's books"),
        ("other readers", "version 17 was trained on none of today's interactions"),
        ("other readers, same key", "version 17 was trained on none of today's interactions"),
        (
            "another key",
            "version 17 was trained under another pseudonym key: its id is 0123456789ab, today's fedcba987654",
        ),
        ("whole hold-out", "version 17 was trained on the whole hold-out"),
    ],
)
def test_a_served_model_that_is_no_measure_stops_the_new_one_unless_it_may_be_replaced(
    case: str, reason: str, holdout: Holdout, good: HoldoutModel
) -> None:
    served = unusable(case, holdout, good)
    verdict = judge(holdout, good, served, key_id=TODAYS_KEY)
    assert list(refused(verdict)) == [AGAINST_SERVED]
    assert f"{AGAINST_SERVED}  not compared: {reason}" in table(verdict.checks)
    replacing = judge(holdout, good, served, EvaluationParameters(unusable_served="replace"), key_id=TODAYS_KEY)
    assert refused(replacing) == {}
    assert reason in table(replacing.checks)
    assert "recall_at_20" not in replacing.metrics["served"]


@pytest.mark.parametrize("key_ids", [("abc", "abc"), ("abc", None), (None, "abc"), (None, None)])
def test_a_model_of_the_same_key_or_of_one_that_is_not_told_is_compared_with(
    key_ids: tuple[str | None, str | None], holdout: Holdout, good: HoldoutModel
) -> None:
    verdict = judge(holdout, good, ServedModel("17", good, "", key_ids[0]), key_id=key_ids[1])
    assert verdict.checks[1].what == AGAINST_SERVED
    assert verdict.checks[1].found.endswith("difference +0.0000 to +0.0000")


MANY = 2**18
NO_KEYS = KeyIds()


def many_hashes(key: bytes) -> np.ndarray:
    """Of 2^18 interactions: each reader's 64 books, the same whatever the key is."""
    readers = [key + b"%d" % reader for reader in range(MANY // 64)]
    books = [b"book %d" % book for book in range(4096)]
    read = np.random.default_rng(0).integers(0, len(books), MANY, np.int32)
    return hash_interactions(readers, books, Interactions(np.arange(MANY, dtype=np.int32) // 64, read))


@pytest.fixture(scope="module")
def today() -> np.ndarray:
    return many_hashes(b"one key")


def judged_by_interactions(trained_on: np.ndarray, today: np.ndarray, keys: KeyIds = NO_KEYS) -> str:
    """A fifth of today's is held out."""
    out = np.arange(len(today)) % 5 == 0
    return why_not_comparable(np.ones(3, bool), seen_by(np.sort(trained_on), today[~out], today[out]), keys)


def test_chance_matches_do_not_make_a_model_of_another_key_comparable(today: np.ndarray) -> None:
    """Of 2^18 interactions under two keys some have one hash by chance; that says nothing."""
    others = many_hashes(b"another key")
    matches = int(np.isin(today, others).sum())
    assert 0 < matches < 60, "16 are to be expected"
    seen, books = seen_by(np.sort(others), *np.split(today, [MANY // 5 * 4])), np.ones(3, bool)
    for keys in (NO_KEYS, KeyIds(served="abc"), KeyIds(new="abc"), KeyIds("abc", "abc")):
        reason = why_not_comparable(books, seen, keys)
        assert reason.startswith("was trained on none of today's interactions, or by chance on a few (")
        assert ("another pseudonym key" in reason) is (None in keys)
    assert "another pseudonym key" in why_not_comparable(books, seen, KeyIds("abc", "def"))


def test_a_million_interactions_of_another_key_are_not_comparable() -> None:
    """Hashes under two keys are as good as drawn at random, which is faster."""
    served, today = np.random.default_rng(4).integers(0, HASH_VALUES, (2, 1_000_000), dtype=np.uint32)
    assert int(np.isin(today, served).sum()) > 150, "233 are to be expected"
    assert judged_by_interactions(served, today).startswith("was trained on none of today's interactions")


def test_the_ids_of_the_keys_decide_before_the_interactions_do(today: np.ndarray) -> None:
    assert judged_by_interactions(today[1::2], today, KeyIds("abc", "def")).startswith(
        "was trained under another pseudonym key"
    )
    assert judged_by_interactions(today[1::2], today, KeyIds("abc", "abc")) == ""


@pytest.mark.parametrize("kept", [1.0, 0.5, 0.05])
def test_a_model_of_a_part_of_todays_interactions_is_comparable(kept: float, today: np.ndarray) -> None:
    """As when reviews were added, or when most of them were taken away; what it saw beside them does not matter."""
    part = np.random.default_rng(1).permutation(today[np.arange(len(today)) % 5 > 0])[: int(kept * MANY)]
    gone = many_hashes(b"gone")[: MANY // 4]
    assert judged_by_interactions(part, today) == ""
    assert judged_by_interactions(np.concatenate([part, gone]), today) == ""
    assert judged_by_interactions(today, part) == "was trained on the whole hold-out: another --split.seed"


@pytest.mark.parametrize(
    ("matches", "today", "trained_on", "shared"),
    [
        (0, 0, 0, False),
        (0, 0, 1000, False),
        (0, 1000, 1000, False),
        (9, 1000, 1000, False),  # 0.0002 by chance and a hundredth.
        (11, 1000, 1000, True),
        (11, 100_000, 1000, True),  # Of the smaller set, which may be either.
        (11, 1000, 100_000, True),
        (1, 3, 3, True),
        (216, 960_000, 960_000, False),  # 215 by chance.
        (9_800, 960_000, 960_000, False),
        (9_900, 960_000, 960_000, True),
        (380_000, 40_000_000, 40_000_000, False),  # 372,529 by chance, more than a hundredth of one set alone.
        (772_000, 40_000_000, 40_000_000, False),
        (773_000, 40_000_000, 40_000_000, True),
        (2, 100, 10_000_000, False),  # 0.23 by chance, 0.48 the deviation.
        (4, 100, 10_000_000, True),
    ],
)
def test_more_must_be_shared_than_chance_gives(matches: int, today: int, trained_on: int, shared: bool) -> None:
    assert shares_interactions(matches, today, trained_on) is shared


def test_a_policy_of_replacing_does_not_replace_a_better_model(holdout: Holdout, good: HoldoutModel) -> None:
    replacing = EvaluationParameters(unusable_served="replace")
    readers = np.random.default_rng(0).permutation(holdout.train.users)
    shuffled = holdout_model_of(fitted(Interactions(readers, holdout.train.books), holdout), holdout)
    assert AGAINST_SERVED in refused(judge(holdout, shuffled, good, replacing))


def test_a_served_model_of_other_books_beside_todays_is_compared_on_those_it_knows(
    holdout: Holdout, good: HoldoutModel
) -> None:
    half = [token if book % 2 else b"gone" + token for book, token in enumerate(good.books)]
    assert set(refused(judge(holdout, good, good._replace(books=half)))) == set(EXPOSURES)
    verdict = judge(holdout, good, good._replace(books=half), OF_ANY_EXPOSURE)
    assert refused(verdict) == {}
    assert verdict.metrics["served"]["known_books"] == 0.5
    assert 0 < verdict.metrics["served"]["recall_at_20"] < 0.7 * recall(verdict)


def test_the_order_of_the_served_models_books_does_not_matter(holdout: Holdout, good: HoldoutModel) -> None:
    order = np.random.default_rng(0).permutation(BOOKS)
    towers = good.towers
    turned = BookTowers(towers.query_table[order], towers.candidate_table[order])
    verdict = judge(holdout, good, HoldoutModel(turned, [good.books[book] for book in order], good.trained_on))
    assert verdict.checks[1].what == AGAINST_SERVED
    assert verdict.checks[1].found.endswith("difference +0.0000 to +0.0000")


def memory(pairs: Interactions, holdout: Holdout) -> BookTowers:
    """Towers that give every reader exactly the books of `pairs` and score all others at 0.

    With fewer readers than books the readers' vectors are independent, so that the equations have a solution.
    """
    training = histories(holdout.train, holdout)
    query = np.eye(BOOKS, dtype=np.float32)
    # The scores of these towers are the readers' vectors.
    blank = BookTowers(query, query)
    vectors = blank.scores(training, np.arange(len(holdout.users), dtype=np.int32)).astype(np.float64)
    wanted = as_matrix(histories(pairs, holdout), BOOKS).toarray()
    # [books, readers] @ [readers, books] -> [books, books]
    solution = np.linalg.pinv(vectors) @ wanted
    return BookTowers(query, solution.T.astype(np.float32))


def side_by_side(first: BookTowers, second: BookTowers, weight: float) -> BookTowers:
    """Towers that add the scores of both, the second's at `weight`, before a query is brought to length 1."""
    return BookTowers(
        np.concatenate([first.query_table, second.query_table], axis=1),
        np.concatenate([first.candidate_table, np.float32(weight) * second.candidate_table], axis=1),
    )


@pytest.mark.parametrize("owned_up", [True, False])
def test_a_served_model_that_has_memorised_part_of_the_hold_out_gains_nothing(owned_up: bool) -> None:
    holdout = make_holdout(100)
    new = holdout_model_of(fitted(holdout.train, holdout), holdout)
    seen = Interactions(holdout.heldout.users[::2], holdout.heldout.books[::2])
    towers = side_by_side(new.towers, memory(seen, holdout), 1000.0)
    trained_on = joined(holdout.train, seen) if owned_up else holdout.train
    verdict = judge(holdout, new, holdout_model_of(towers, holdout, trained_on))
    served = verdict.metrics["served"]
    if owned_up:
        assert refused(verdict) == {}
        assert served["heldout_interactions_left_out"] == len(seen)
        assert served["recall_at_20"] == pytest.approx(served["recall_at_20_of_the_new_model"], abs=0.02)
    else:
        assert set(refused(verdict)) == {AGAINST_SERVED}
        assert served["heldout_interactions_left_out"] == 0
        assert served["recall_at_20"] > recall(verdict) + 0.1


def test_what_the_served_model_was_trained_on_is_left_out_for_the_new_one_too(
    holdout: Holdout, good: HoldoutModel
) -> None:
    """The served model is the new one itself, so that on any part of the hold-out there is no difference."""
    seen = Interactions(holdout.heldout.users[::3], holdout.heldout.books[::3])
    verdict = judge(holdout, good, holdout_model_of(good.towers, holdout, joined(holdout.train, seen)))
    assert verdict.checks[1].found.endswith("difference +0.0000 to +0.0000")
    assert verdict.metrics["served"]["heldout_interactions_left_out"] == len(seen)
    assert verdict.metrics["heldout_interactions"] == len(holdout.heldout)
    training = histories(holdout.train, holdout)
    readers = np.arange(len(holdout.users), dtype=np.int32)
    scores = good.towers.scores(training, readers)
    hidden = as_matrix(histories(joined(holdout.train, seen), holdout), BOOKS).toarray() > 0
    heldout = as_matrix(histories(holdout.heldout, holdout), BOOKS).toarray() > 0
    wanted = heldout & ~hidden
    best = np.argsort(np.where(hidden, np.inf, -scores), axis=1)[:, :20]
    found, possible = np.take_along_axis(wanted, best, axis=1).sum(axis=1), wanted.sum(axis=1)
    expected = (found[possible > 0] / possible[possible > 0]).mean()
    assert verdict.metrics["served"]["recall_at_20"] == pytest.approx(expected, abs=1e-6)


def test_a_served_model_that_was_fitted_on_half_of_the_hold_out_does_not_stop_an_equally_good_one(
    holdout: Holdout, good: HoldoutModel
) -> None:
    seen = Interactions(holdout.heldout.users[::2], holdout.heldout.books[::2])
    more = joined(holdout.train, seen)
    assert refused(judge(holdout, good, holdout_model_of(fitted(more, holdout), holdout, more))) == {}


def write_examples(folder: Path, *parts: list[list[tuple[str | None, list[str] | None]]]) -> str:
    """Writes training reviews, given as title and genres: files of row groups."""
    parquet_folder = Path(parquet_examples.split_folder(str(folder), features.TRAIN_SPLIT))
    parquet_folder.mkdir(parents=True)
    schema = EXAMPLE_SCHEMA
    for number, groups in enumerate(parts):
        path = parquet_examples.part_path(str(folder), features.TRAIN_SPLIT, number, len(parts))
        with parquet_examples.part_writer(path) as writer:
            for rows in groups:
                columns: dict[str, Any] = {
                    features.GENRES: [genres for _, genres in rows],
                    features.ISBN: [None if title is None else [title] for title, _ in rows],
                    features.RATING: [[4.0]] * len(rows),
                    features.USER: [["reader"]] * len(rows),
                }
                arrays = [pa.array(columns[field.name], field.type) for field in schema]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return str(folder)


def genres_by_book(uri: str, books: list[bytes]) -> list[set[str]]:
    found = read_genres(uri, books)
    return [{found.names[genre] for genre in row.nonzero()[0]} for row in found.matrix.toarray()]


def test_the_genres_of_a_book_are_those_of_its_first_review_that_names_any(tmp_path: Path) -> None:
    uri = write_examples(
        tmp_path,
        [
            [("Emma", None), ("Dune", ["Sci-Fi", "Épopée"]), ("Dune", ["Cooking"]), (None, ["Nobody's"])],
            [("Emma", []), ("Emma", ["Romance"]), ("Unknown", ["Crime"]), ("Dune", ["Cooking"])],
        ],
        [[("Emma", ["Cooking"]), ("Ulysses", None), ("Late", ["Romance", "Romance"])]],
    )
    books = [b"Late", b"Ulysses", b"Emma", b"Dune", b"Unread"]
    assert genres_by_book(uri, books) == [{"Romance"}, set(), {"Romance"}, {"Sci-Fi", "Épopée"}, set()]


def test_reviews_without_any_genre_give_books_without_genres(tmp_path: Path) -> None:
    uri = write_examples(tmp_path, [[("Emma", None), ("Dune", [])]])
    assert genres_by_book(uri, [b"Emma", b"Dune"]) == [set(), set()]


def test_only_training_reviews_are_asked_for_genres(tmp_path: Path) -> None:
    uri = write_examples(tmp_path, [[("Emma", ["Romance"])]])
    train = Path(parquet_examples.split_folder(uri, features.TRAIN_SPLIT))
    train.rename(parquet_examples.split_folder(uri, features.EVAL_SPLIT))
    write_examples(tmp_path, [[("Emma", None), ("Dune", ["Sci-Fi"])]])
    assert genres_by_book(uri, [b"Emma", b"Dune"]) == [set(), {"Sci-Fi"}]


@pytest.mark.parametrize(("probed_cells", "passes"), [(1, False), (12, True)])
def test_an_index_that_misses_best_books_is_refused(
    probed_cells: int, passes: bool, holdout: Holdout, good: HoldoutModel
) -> None:
    cells = Hyperparameters(index="partitioned", cells=12, probed_cells=probed_cells)
    verdict = judge(holdout, good, None, hyperparameters=cells)
    assert ("best books that the index finds" not in refused(verdict)) is passes
    assert (verdict.metrics["index_recall_at_100"] >= DEFAULTS.min_index_recall) is passes
    assert "best books that the index finds" in table(verdict.checks)


def lifted(good: HoldoutModel, book: int, height: float) -> HoldoutModel:
    """A model that puts one book higher for everybody."""
    towers = good.towers
    extra = np.zeros((BOOKS, 1), np.float32)
    extra[book] = height
    # Every book read adds as much to the new column of the reader's vector.
    query = np.hstack([towers.query_table, np.full((BOOKS, 1), np.float32(towers.query_table.std()))])
    return good._replace(towers=BookTowers(query, np.hstack([towers.candidate_table, extra])))


def test_a_book_that_leaps_into_everybodys_list_is_refused_by_name(holdout: Holdout, good: HoldoutModel) -> None:
    book = int(np.argmin(holdout.books.counts))
    verdict = judge(holdout, lifted(good, book, 100), good)
    assert refused(verdict).keys() == {EXPOSURES[1]}
    assert refused(verdict)[EXPOSURES[1]].startswith(f"book {book}: in ")
    exposure = verdict.metrics["served"]["exposure"]
    [first, *_] = exposure["risen"]
    assert first["isbn"] == f"book {book}"
    assert first["after"] > 0.9 > 0.1 > first["before"]
    assert first["readers"] == holdout.books.counts[book]
    assert first["leap"] > 0.03
    assert 0 < exposure["drift"] < 0.3
    [check] = [check for check in verdict.checks if check.what == EXPOSURES[1]]
    assert "--evaluation.max-exposure-rise" in check.needed
    assert refused(judge(holdout, lifted(good, book, 100), good, EvaluationParameters(max_exposure_rise=1))) == {}


def test_readers_whom_the_served_model_does_not_know_are_not_asked(holdout: Holdout, good: HoldoutModel) -> None:
    later = Interactions(*(column[holdout.train.users < 700] for column in holdout.train[:2]))
    verdict = judge(holdout, good, good._replace(trained_on=hashes(later, holdout)))
    users = np.unique(holdout.heldout.users)
    assert verdict.metrics["served"]["exposure"]["readers"] == np.count_nonzero(users < 700)


def test_a_book_from_nowhere_that_strangers_get_first_is_refused_by_name(holdout: Holdout, good: HoldoutModel) -> None:
    assert good.popularity is not None
    book = int(np.argmin(good.popularity))
    lifted_popularity = good.popularity.copy()
    lifted_popularity[book] = 1
    new = good._replace(popularity=lifted_popularity)
    assert refused(judge(holdout, new, good)) == {EXPOSURES[2]: f"book {book}: place 1, before {BOOKS}"}
    assert refused(judge(holdout, new, good, EvaluationParameters(max_new_for_strangers=1))) == {}


@pytest.mark.parametrize("side", ["served", "new"])
def test_twins_that_do_not_say_what_strangers_get_are_told_and_not_refused(
    side: str, holdout: Holdout, good: HoldoutModel
) -> None:
    older = good._replace(popularity=None)
    verdict = judge(holdout, older, good) if side == "new" else judge(holdout, good, older)
    assert refused(verdict) == {}
    [check] = [check for check in verdict.checks if check.what == EXPOSURES[2]]
    assert check.found.startswith("not compared")
    assert verdict.metrics["served"]["exposure"]["new_for_strangers"] is None


def test_the_largest_movers_are_told_and_titles_keep_to_their_line(
    holdout: Holdout, good: HoldoutModel, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = [b"two\nlines \x1b[1m" if number == 3 else token for number, token in enumerate(holdout.books.tokens)]
    renamed = replace(holdout, books=Vocabulary(tokens, holdout.books.counts))
    holdout_model = good._replace(books=tokens, trained_on=hashes(renamed.train, renamed))
    with caplog.at_level("INFO"):
        judge(renamed, lifted(holdout_model, 3, 100), holdout_model)
    told = [record.getMessage() for record in caplog.records]
    [row] = [line for line in told if line.startswith("two lines")]
    assert "\\x1b" in row
    assert "\x1b" not in row
    assert any("places went to other books" in line for line in told)
    caplog.clear()
    with caplog.at_level("INFO"):
        judge(holdout, good, good)
    assert not any("largest movers" in record.getMessage() for record in caplog.records)
