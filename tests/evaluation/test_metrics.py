import math

import numpy as np
import pytest

from evaluation import metrics

HITS = np.array(
    [
        [True, False, True],  # two of two found, on ranks 1 and 3
        [False, False, False],  # none of one
        [False, True, False],  # one of five, on rank 2
        [True, True, True],  # nobody held anything out for this user: does not count
    ]
)
RELEVANT = np.array([2, 1, 5, 0], np.int32)
NAN = math.nan


def same(values: np.ndarray, expected: list[float]) -> bool:
    assert values.dtype == np.float64
    return values.tolist() == pytest.approx(expected, nan_ok=True)


def test_recall_by_hand() -> None:
    assert same(metrics.recall(HITS, RELEVANT, 3), [2 / 2, 0 / 1, 1 / 5, NAN])
    assert same(metrics.recall(HITS, RELEVANT, 2), [1 / 2, 0 / 1, 1 / 5, NAN])
    assert same(metrics.recall(HITS, RELEVANT, 1), [1 / 2, 0 / 1, 0 / 5, NAN])


def test_hit_rate_by_hand() -> None:
    assert same(metrics.hit_rate(HITS, RELEVANT, 3), [1, 0, 1, NAN])
    assert same(metrics.hit_rate(HITS, RELEVANT, 1), [1, 0, 0, NAN])


def test_reciprocal_rank_by_hand() -> None:
    assert same(metrics.reciprocal_rank(HITS, RELEVANT, 3), [1 / 1, 0, 1 / 2, NAN])
    assert same(metrics.reciprocal_rank(HITS, RELEVANT, 1), [1 / 1, 0, 0, NAN])


def test_ndcg_by_hand() -> None:
    first = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    third = (1 / math.log2(3)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))  # five held out, but only three ranks
    assert same(metrics.ndcg(HITS, RELEVANT, 3), [first, 0, third, NAN])
    first = 1 / (1 + 1 / math.log2(3))
    third = (1 / math.log2(3)) / (1 + 1 / math.log2(3))  # now only two
    assert same(metrics.ndcg(HITS, RELEVANT, 2), [first, 0, third, NAN])
    assert same(metrics.ndcg(HITS, RELEVANT, 1), [1, 0, 0, NAN])


def test_a_perfect_ranking_has_ndcg_1() -> None:
    assert same(metrics.ndcg(np.ones((4, 3), np.bool_), np.array([3, 4, 9, 3], np.int32), 3), [1, 1, 1, 1])


def test_the_mean_leaves_out_who_does_not_count() -> None:
    assert metrics.mean(np.array([1, NAN, 0, 0.5])) == pytest.approx(1.5 / 3)
    assert metrics.mean(metrics.recall(HITS, RELEVANT, 3)) == pytest.approx((2 / 2 + 0 / 1 + 1 / 5) / 3)
    assert metrics.mean(np.array([NAN, NAN])) == 0.0
    assert metrics.mean([]) == 0.0


@pytest.mark.parametrize("name", metrics.ACCURACY)
def test_no_users_have_no_values(name: str) -> None:
    assert metrics.ACCURACY[name](np.zeros((0, 5), np.bool_), np.zeros(0, np.int32), 5).shape == (0,)


def slow_values(hits: list[bool], relevant: int, k: int) -> dict[str, float]:
    if not relevant:
        return dict.fromkeys(metrics.ACCURACY, NAN)
    ranks = [rank for rank, hit in enumerate(hits, start=1) if hit and rank <= k]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return {
        "recall": len(ranks) / relevant,
        "ndcg": sum(1 / math.log2(rank + 1) for rank in ranks) / ideal,
        "hit_rate": float(bool(ranks)),
        "mrr": 1 / ranks[0] if ranks else 0.0,
    }


@pytest.mark.parametrize("k", [1, 2, 7, 12])
def test_random_rankings_agree_with_slow_loops_and_stay_between_0_and_1(k: int) -> None:
    generator = np.random.default_rng(k)
    hits = generator.random((200, 12)) < 0.15
    relevant = np.where(generator.random(200) < 0.1, 0, hits.sum(axis=1) + generator.integers(0, 9, 200))
    expected = [slow_values(row, count, k) for row, count in zip(hits.tolist(), relevant.tolist(), strict=True)]
    for name, metric in metrics.ACCURACY.items():
        values = metric(hits, relevant, k)
        assert same(values, [one[name] for one in expected]), name
        assert np.nanmin(values) >= 0, name
        assert np.nanmax(values) <= 1, name


@pytest.mark.exhaustive
def test_the_library_ranx_has_the_same_values() -> None:
    import ranx  # Which compiles for seconds.

    generator = np.random.default_rng(3)
    users, books, longest = 60, 400, 100
    ranked = np.stack([generator.permutation(books)[:longest] for _ in range(users)])
    # From one held-out book to more than the ranking is long.
    heldout = [generator.choice(books, size, replace=False) for size in generator.integers(1, 150, users)]
    hits = np.stack([np.isin(row, books_of) for row, books_of in zip(ranked, heldout, strict=True)])
    relevant = np.array([len(books_of) for books_of in heldout])
    assert relevant.min() <= 10
    assert relevant.max() > longest

    scores = [float(longest - rank) for rank in range(longest)]
    run = ranx.Run({f"u{i}": dict(zip(map(str, row), scores, strict=True)) for i, row in enumerate(ranked.tolist())})
    qrels = ranx.Qrels({f"u{i}": dict.fromkeys(map(str, row.tolist()), 1) for i, row in enumerate(heldout)})
    for k in (10, 20, 100):
        theirs = ranx.evaluate(qrels, run, [f"{name}@{k}" for name in metrics.ACCURACY], return_mean=False)
        for name, metric in metrics.ACCURACY.items():
            by_user = dict(zip(run.keys(), theirs[f"{name}@{k}"].tolist(), strict=True))
            expected = [by_user[f"u{i}"] for i in range(users)]
            assert same(metric(hits, relevant, k), expected), (name, k)
