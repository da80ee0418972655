import numpy as np
import pytest

from components.splitting.packed_table import pack, unpack
from data.example_schema import EXAMPLE_SCHEMA
from tests.components.splitting.test_rules import as_table, random_reviews


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1), slice(100, 300), slice(None)])
def test_a_table_comes_back_as_it_was(rows: slice) -> None:
    table = as_table(random_reviews(1))
    start, stop, _ = rows.indices(len(table))
    part = table.slice(start, stop - start)
    assert unpack(pack(part)).equals(part)
    assert unpack(pack(part)).schema == EXAMPLE_SCHEMA


def test_a_slice_is_packed_without_the_table_around_it() -> None:
    table = as_table(random_reviews(1, rows=20_000))
    assert len(pack(table.slice(50, 10))) < len(pack(table)) / 10


def test_repeated_books_and_users_shrink_fivefold() -> None:
    reviews = random_reviews(1, rows=20_000)
    reviews["book"] = "The long title of " + reviews.book
    table = as_table(reviews)
    assert len(pack(table)) < table.nbytes / 5


def test_equal_tables_give_equal_bytes() -> None:
    reviews = random_reviews(1)
    assert pack(as_table(reviews)) == pack(as_table(reviews.iloc[np.arange(len(reviews))]))
