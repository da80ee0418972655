import numpy as np
import pytest
import tensorflow as tf

from trainer.evaluation import evaluate, popularity_scorer, row_entries
from trainer.interactions import Interactions, group_by_user


def random_case(seed: int, users: int = 30, books: int = 25):
    random = np.random.default_rng(seed)
    pairs = random.random((users, books))
    seen, wanted = pairs < 0.2, (pairs >= 0.2) & (pairs < 0.3)
    matrices = [Interactions(*(axis.astype(np.int32) for axis in np.nonzero(matrix))) for matrix in (seen, wanted)]
    return random.random((users, books)).astype(np.float32), seen, wanted, *(group_by_user(m, users) for m in matrices)


def slow_recall_and_ndcg(scores, seen, wanted, users, k):
    recalls, ndcgs = [], []
    for user in users:
        if not wanted[user].any():
            continue
        allowed = [book for book in range(scores.shape[1]) if not seen[user, book]]
        ranked = sorted(allowed, key=lambda book: -scores[user, book])[:k]
        gains = [1 / np.log2(rank + 2) for rank, book in enumerate(ranked) if wanted[user, book]]
        recalls.append(len(gains) / wanted[user].sum())
        ndcgs.append(sum(gains) / sum(1 / np.log2(rank + 2) for rank in range(min(k, wanted[user].sum()))))
    return np.mean(recalls), np.mean(ndcgs)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5, 60])
def test_it_equals_a_slow_ranking_user_by_user(seed: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.evaluation.BLOCK_USERS", 7)
    scores, seen, wanted, training, heldout = random_case(seed)
    users = np.arange(0, 30, 2, dtype=np.int32)
    measured = evaluate(lambda block: tf.constant(scores[block]), users, training, heldout, k)
    recall, ndcg = slow_recall_and_ndcg(scores, seen, wanted, users, k)
    assert measured[f"recall_at_{k}"] == pytest.approx(recall)
    assert measured[f"ndcg_at_{k}"] == pytest.approx(ndcg)


def test_a_seen_book_is_never_a_hit_even_if_it_is_held_out_too() -> None:
    both = Interactions(np.array([0], np.int32), np.array([1], np.int32))
    history = group_by_user(both, 1)
    users = np.array([0], np.int32)
    assert evaluate(lambda _: tf.constant([[0.0, 9.0, 1.0]]), users, history, history, 3)["recall_at_3"] == 0


def test_popularity_ranks_by_count_for_everyone() -> None:
    scores = popularity_scorer(np.array([3, 1, 7]))(np.array([5, 6], np.int32)).numpy()
    assert scores.tolist() == [[3, 1, 7], [3, 1, 7]]


def test_row_entries_are_the_books_of_the_rows_asked_for() -> None:
    interactions = Interactions(np.array([2, 0, 2, 1, 0], np.int32), np.array([4, 1, 3, 0, 2], np.int32))
    rows, books = row_entries(group_by_user(interactions, 4), np.array([2, 3, 0], np.int32))
    assert list(zip(rows.tolist(), books.tolist(), strict=True)) == [(0, 4), (0, 3), (2, 1), (2, 2)]
