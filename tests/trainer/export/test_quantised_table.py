import numpy as np
import pytest

from data.histories import Interactions, group_by_user
from trainer.export.quantised_table import GROUP, StoredTable, stored
from trainer.models.towers import BookTowers

RANDOM = np.random.default_rng(0)


def table(rows: int, width: int, scale: float = 1.0) -> np.ndarray:
    return (scale * RANDOM.normal(size=(rows, width))).astype(np.float32)


def test_the_largest_of_a_row_and_group_is_127_and_the_others_are_rounded() -> None:
    first, second = np.zeros((2, GROUP), np.float32)
    first[:4] = 254, -2, 3.1, 1.1
    second[:2] = -0.127, 0.0004
    found = stored(np.concatenate([first, second])[np.newaxis])
    assert found.integers.dtype == np.int8
    assert found.integers[0, [0, 1, 2, 3, 4]].tolist() == [127, -1, 2, 1, 0]
    assert found.integers[0, [GROUP, GROUP + 1]].tolist() == [-127, 0]
    assert found.scales == pytest.approx(np.array([[2, 0.001]]))


@pytest.mark.parametrize("width", [1, 4, GROUP - 1, GROUP, GROUP + 1, 100, 256])
@pytest.mark.parametrize("scale", [1e-30, 1e-5, 1.0, 1e12, 1e36])
def test_no_entry_is_further_off_than_half_a_step_of_its_group(width: int, scale: float) -> None:
    before = table(50, width, scale)
    found = stored(before)
    assert found.integers.shape == before.shape
    assert found.scales.shape == (50, -(-width // GROUP))
    restored = found.restored()
    assert restored.dtype == np.float32
    for start in range(0, width, GROUP):
        group, after = (each[:, start : start + GROUP].astype(np.float64) for each in (before, restored))
        steps = np.abs(group).max(axis=1) / 127
        assert (np.abs(after - group).max(axis=1) <= steps * (0.5 + 1e-4)).all()


def test_what_was_restored_is_stored_as_the_same_integers() -> None:
    first = stored(table(200, 70))
    again = stored(first.restored())
    assert (again.integers == first.integers).all()
    assert again.scales == pytest.approx(first.scales, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-45, -1e-44, 1e-41])
def test_groups_of_zeros_and_of_hardly_anything_stay_finite_and_small(value: float) -> None:
    before = np.full((3, GROUP + 2), value, np.float32)
    before[1, :GROUP] = 5
    restored = stored(before).restored()
    assert restored[1, :GROUP] == pytest.approx(5)
    assert np.abs(restored[[0, 2]]).max() <= 2 * abs(value)


def test_a_table_without_rows_has_none() -> None:
    assert stored(np.zeros((0, 40), np.float32)).restored().shape == (0, 40)


def best(towers: BookTowers, readers: int, read: np.ndarray) -> np.ndarray:
    """Returns `[readers, 100]`: the best books of each."""
    pairs = np.stack([np.repeat(np.arange(readers), read.shape[1]), read.ravel()]).astype(np.int32)
    histories = group_by_user(Interactions(*pairs), readers)
    scores = towers.scores(histories, np.arange(readers, dtype=np.int32))
    return np.argsort(-scores, axis=1)[:, :100]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(*pair)) / 100 for pair in zip(first, second, strict=True)]))


def test_rankings_hardly_change_where_two_parts_of_different_length_stand_side_by_side() -> None:
    """Parts as a fit stacks them: what one says in long query vectors, the other says in long candidate vectors."""
    books, readers, width = 3_000, 60, 64
    tastes = RANDOM.normal(size=(2, 30, width))
    parts = [taste[RANDOM.integers(0, 30, books)] + 0.5 * RANDOM.normal(size=(books, width)) for taste in tastes]
    query = np.concatenate([parts[0], 20 * parts[1]], axis=1).astype(np.float32)
    candidate = np.concatenate([parts[0], parts[1] / 20], axis=1).astype(np.float32)
    read = RANDOM.integers(0, books, (readers, 20))
    exact = best(BookTowers(query, candidate), readers, read)
    rounded = BookTowers(stored(query).restored(), stored(candidate).restored())
    assert overlap(exact, best(rounded, readers, read)) >= 0.98
    # One scale for a whole row is what this guards against.
    whole = [np.abs(each).max(axis=1, keepdims=True) / 127 for each in (query, candidate)]
    coarse = BookTowers(*(np.rint(each / step) * step for each, step in zip((query, candidate), whole, strict=True)))
    assert overlap(exact, best(coarse, readers, read)) < 0.98


def test_storage_takes_little_more_than_a_byte_an_entry() -> None:
    found: StoredTable = stored(table(100, 256))
    assert found.integers.nbytes + found.scales.nbytes <= 100 * 256 * 1.125
