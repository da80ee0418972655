"""The rules of what is kept and held out, against a slow and obvious pandas version."""

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from components.splitting.rules import EVERY_USER, KeptInteractions, held_out, keep_interactions, smallest_user_hashes
from components.splitting.split_parameters import SplitParameters
from data.example_schema import EXAMPLE_SCHEMA, as_list_column


def as_table(reviews: pd.DataFrame) -> pa.Table:
    rating = pa.array([None if np.isnan(value) else value for value in reviews.rating], pa.float32())
    return pa.table(
        [
            pa.nulls(len(reviews), pa.large_list(pa.large_binary())),
            as_list_column(pa.array(reviews.book, pa.string()), pa.large_binary()),
            as_list_column(rating, pa.float32()),
            as_list_column(pa.array(reviews.user, pa.string()), pa.large_binary()),
        ],
        schema=EXAMPLE_SCHEMA,
    )


def as_frame(table: pa.Table) -> pd.DataFrame:
    rows = table.to_pylist()
    return pd.DataFrame(
        {
            "user": [row["User"][0].decode() for row in rows],
            "book": [row["ISBN"][0].decode() for row in rows],
            "rating": [row["RatingOf5"][0] if row["RatingOf5"] else np.nan for row in rows],
        }
    )


def random_reviews(seed: int, rows: int = 400, users: int = 60, books: int = 25) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": [f"u{number}" for number in random.integers(users, size=rows)],
            "book": [f"b{number}" for number in random.integers(books, size=rows)],
            "rating": random.choice([1.0, 2.5, 3.0, 4.0, 5.0, np.nan], size=rows),
        }
    )


def split(
    reviews: pd.DataFrame, threshold: int = EVERY_USER, **parameters: float
) -> tuple[KeptInteractions, pd.DataFrame]:
    """Returns what was kept, as a frame with the column `held`."""
    chosen = SplitParameters(**parameters)
    kept = keep_interactions(as_table(reviews), chosen.min_reviews)
    frame = as_frame(kept.table)
    frame["held"] = held_out(kept, chosen, threshold)
    return kept, frame


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("min_reviews", [2, 3, 6])
def test_what_is_kept_is_what_pandas_keeps(seed: int, min_reviews: int) -> None:
    reviews = random_reviews(seed)
    kept, frame = split(reviews, min_reviews=min_reviews)
    distinct = reviews.drop_duplicates(["user", "book"], keep="last")
    sizes = distinct.groupby("user").book.transform("size")
    expected = distinct[sizes >= min_reviews]
    pd.testing.assert_frame_equal(frame.drop(columns="held"), expected.reset_index(drop=True), check_dtype=False)
    assert kept.counts == {
        "reviews": len(reviews),
        "users": reviews.user.nunique(),
        "duplicates": len(reviews) - len(distinct),
        "kept_interactions": len(expected),
        "kept_users": expected.user.nunique(),
        "most_books_of_a_user": distinct.groupby("user").size().max(),
        "positive": (reviews.rating > 3).sum(),
        "moderate": (reviews.rating == 3).sum(),
        "negative": (reviews.rating < 3).sum(),
        "unrated": reviews.rating.isna().sum(),
    }
    assert len(kept.books) == reviews.book.nunique()
    assert len(kept.kept_books) == expected.book.nunique()


def test_of_two_reviews_of_one_book_the_last_one_counts() -> None:
    reviews = pd.DataFrame({"user": ["a"] * 4, "book": ["x", "y", "x", "z"], "rating": [1.0, 2.0, 5.0, 3.0]})
    _, frame = split(reviews)
    assert list(zip(frame.book, frame.rating, strict=True)) == [("y", 2), ("x", 5), ("z", 3)]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_the_share_is_held_out_rounded_down_but_one_at_least_and_never_all(share: float) -> None:
    _, frame = split(random_reviews(1), holdout_share=share, min_reviews=2)
    for _, books in frame.groupby("user"):
        assert books.held.sum() == min(max(int(share * len(books) + 1e-9), 1), len(books) - 1)


def test_a_round_share_is_not_lost_to_binary_fractions() -> None:
    """0.07 x 100 is 7.000000000000001 and 0.29 x 100 is 28.999999999999996."""
    reviews = pd.DataFrame({"user": ["a"] * 100, "book": [f"b{i}" for i in range(100)], "rating": [1.0] * 100})
    assert split(reviews, holdout_share=0.07)[1].held.sum() == 7
    assert split(reviews, holdout_share=0.29)[1].held.sum() == 29


def test_even_the_largest_share_leaves_one_book_to_train_on() -> None:
    _, frame = split(random_reviews(1), holdout_share=1 - 1e-12, min_reviews=2)
    assert ((~frame.held).groupby(frame.user).sum() == 1).all()


def held_pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame.user[frame.held], frame.book[frame.held], strict=True))


def test_it_depends_on_seed_user_and_books_only() -> None:
    reviews = random_reviews(2).drop_duplicates(["user", "book"])
    expected = held_pairs(split(reviews)[1])
    assert held_pairs(split(reviews.sample(frac=1, random_state=5))[1]) == expected
    half = reviews[reviews.user < "u3"]
    assert held_pairs(split(half)[1]) == {pair for pair in expected if pair[0] < "u3"}
    assert held_pairs(split(reviews, seed=21)[1]) != expected


def test_the_hash_is_the_same_on_every_machine() -> None:
    reviews = pd.DataFrame({"user": ["ann"] * 5, "book": list("vwxyz"), "rating": [1.0] * 5})
    kept, frame = split(reviews, seed=20)
    assert smallest_user_hashes(kept, 20, 9).tolist() == [2695564799879823521]
    assert held_pairs(frame) == {("ann", "w")}


@pytest.mark.parametrize("cap", [1, 7, 30])
def test_a_threshold_lets_exactly_the_users_with_the_smallest_hashes_through(cap: int) -> None:
    kept, everyone = split(random_reviews(3))
    hashes = smallest_user_hashes(kept, SplitParameters().seed, cap)
    assert len(hashes) == cap
    assert (np.diff(hashes) > 0).all()
    _, frame = split(random_reviews(3), threshold=int(hashes[-1]))
    assert frame[frame.held].user.nunique() == cap
    assert held_pairs(frame) < held_pairs(everyone)


def test_nothing_is_nothing() -> None:
    kept = keep_interactions(EXAMPLE_SCHEMA.empty_table(), 3)
    assert kept.counts["kept_users"] == kept.counts["reviews"] == 0
    assert len(held_out(kept, SplitParameters(), EVERY_USER)) == 0
    assert len(smallest_user_hashes(kept, 1, 5)) == 0


def test_what_goes_to_another_worker_comes_back_equal_and_goes_packed() -> None:
    reviews = random_reviews(1, rows=20_000, users=300, books=500)
    reviews["book"] = "The long title of " + reviews.book
    kept = keep_interactions(as_table(reviews), 3)
    pickled = pickle.dumps(kept)
    assert len(pickled) < kept.table.nbytes / 2
    back = pickle.loads(pickled)
    assert back.table.equals(kept.table)
    assert back.user_codes.tolist() == kept.user_codes.tolist()
    assert back.users.equals(kept.users)
    assert back.counts == kept.counts
    assert (
        held_out(back, SplitParameters(), EVERY_USER).tolist() == held_out(kept, SplitParameters(), EVERY_USER).tolist()
    )
