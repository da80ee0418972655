import numpy as np
import pytest
from scipy import sparse

from trainer.models import neighbours
from trainer.models.neighbours import nearest_books


def random_read(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((40, 17)) < 0.3).astype(np.float32)


def slow(read: np.ndarray, count: int) -> np.ndarray:
    books = read.shape[1]
    found = np.zeros((books, books))
    for book in range(books):
        cosines = [
            read[:, book] @ read[:, other] / np.sqrt(read[:, book].sum() * read[:, other].sum())
            if other != book and read[:, book].any() and read[:, other].any()
            else 0.0
            for other in range(books)
        ]
        for other in sorted(range(books), key=lambda at: (-cosines[at], at))[:count]:
            found[book, other] = cosines[other]
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 3, 50])
def test_each_row_has_the_largest_cosines_of_other_books(seed: int, count: int) -> None:
    read = random_read(seed)
    found = nearest_books(sparse.csr_matrix(read), count)
    assert found.toarray() == pytest.approx(slow(read, count), abs=1e-6)
    assert (np.diff(found.indptr) <= count).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearest_books(sparse.csr_matrix(random_read(4)), 3).toarray()
    monkeypatch.setattr(neighbours, "BLOCK_BOOKS", 5)
    assert (nearest_books(sparse.csr_matrix(random_read(4)), 3).toarray() == whole).all()
