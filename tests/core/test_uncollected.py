"""What the garbage collector does while libraries are loaded, and later."""

import gc
from collections.abc import Iterator

import pytest

from core.uncollected import uncollected


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Gives the garbage collector back what the tests took from it."""
    yield
    gc.unfreeze()
    gc.enable()


def test_modules_are_no_garbage_while_they_are_loaded_and_later() -> None:
    gc.unfreeze()
    with uncollected():
        assert not gc.isenabled()
        loaded = [[] for _ in range(1_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(loaded)


def test_what_fails_to_load_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError("a module")
    assert gc.isenabled()
