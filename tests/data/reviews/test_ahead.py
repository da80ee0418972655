"""An iterator ahead is the iterator itself, items and errors in their order, and leaves no thread behind."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from data.reviews.ahead import ahead


def test_items_and_then_the_error_come_in_their_order() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("after two")

    coming = ahead(items())
    assert [next(coming), next(coming)] == [1, 2]
    with pytest.raises(ValueError, match="after two"):
        next(coming)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_all_items_come_falsy_ones_too(count: int) -> None:
    assert list(ahead(iter([None] * count))) == [None] * count


def test_the_next_item_is_made_while_the_caller_has_the_last_and_no_more_than_that() -> None:
    made = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    with closing(ahead(items())) as coming:
        assert next(coming) == 0
        assert made[1].wait(10)
        assert not made[2].wait(0.1)
        assert next(coming) == 1
        assert made[2].wait(10)


def test_who_leaves_early_leaves_no_thread_and_hears_of_no_later_error() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("nobody asked for a second one")

    before = threading.active_count()
    with closing(ahead(items())) as coming:
        assert next(coming) == 1
    assert threading.active_count() == before


def test_no_thread_is_left_at_the_end() -> None:
    before = threading.active_count()
    assert sum(ahead(iter(range(10)))) == 45
    assert threading.active_count() == before
