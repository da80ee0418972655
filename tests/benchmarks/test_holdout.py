"""What is held out of a data set."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.holdout import held_out, read_reviews, thinned
from tests.benchmarks.made_reviews import reviews


def pairs(histories, holdout) -> set[tuple[str, str]]:
    return {
        (holdout.users[user], holdout.books[book])
        for user in range(len(holdout.users))
        for book in histories.books[histories.row_splits[user] : histories.row_splits[user + 1]]
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_each_readers_books_is_held_out_and_nothing_is_lost(seed: int) -> None:
    every = reviews(seed)
    holdout = held_out(every, seed)
    sizes = every.groupby("User").size()
    kept = sizes[sizes >= 3]
    wanted = holdout.wanted.sizes() + holdout.unfindable
    for user, held in zip(holdout.users, wanted, strict=True):
        assert held == max(int(kept[user] * 0.2 + 1e-9), 1)
    assert len(holdout.users) == len(kept)
    training, found = pairs(holdout.training, holdout), pairs(holdout.wanted, holdout)
    assert not training & found
    assert len(training) + len(found) + holdout.unfindable.sum() == kept.sum()
    assert training == set(zip(holdout.reviews.User, holdout.reviews.ISBN, strict=True))


def test_thinning_keeps_so_many_books_at_most() -> None:
    thin = thinned(reviews(), 5, seed=1)
    assert thin.groupby("User").size().max() == 5
    assert thin.groupby("User").size().sum() == np.minimum(reviews().groupby("User").size(), 5).sum()


def test_the_last_review_of_a_reader_and_a_book_counts(tmp_path: Path) -> None:
    both = pd.concat([reviews(), reviews().assign(RatingOf5="1")])
    both.to_csv(tmp_path / "reviews.csv")
    read = read_reviews(tmp_path)
    assert len(read) == len(reviews())
    assert (read.RatingOf5 == "1").all()
