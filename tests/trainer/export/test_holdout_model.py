from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from data.histories import Interactions, group_by_user
from trainer.export.holdout_model import HoldoutModel, hash_interactions, read_holdout_model, write_holdout_model
from trainer.export.quantised_table import stored
from trainer.models.towers import BookTowers

BOOKS = [b"Dune", b"zwei\nZeilen\r\n", "日本\u2028".encode(), b"", b"\x00\xff not UTF-8", "Émile".encode()]
READ = np.array([[0, 0], [0, 4], [1, 1], [1, 2], [1, 5], [2, 3]], np.int32)


def make_holdout_model(query_scale: float = 1.0, *, sparse_part: bool = True) -> HoldoutModel:
    random = np.random.default_rng(0)
    query, candidate = random.normal(size=(2, len(BOOKS), 5)).astype(np.float32)
    near = random.random((len(BOOKS),) * 2).astype(np.float32)
    neighbours = sparse.csr_matrix(np.where(near < 0.3, near, 0)) * np.float32(query_scale) if sparse_part else None
    towers = BookTowers(query * np.float32(query_scale), candidate, neighbours)
    popularity = np.linspace(0.9, 0.1, len(BOOKS), dtype=np.float32)
    return HoldoutModel(towers, BOOKS, np.array([1, 5, 2**32 - 1], np.uint32), popularity)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    holdout_model, path = make_holdout_model(), str(tmp_path / "twin.npz")
    write_holdout_model(holdout_model, path)
    read = read_holdout_model(path)
    assert read.books == BOOKS
    assert read.trained_on.tolist() == [1, 5, 2**32 - 1]
    assert read.trained_on.dtype == np.uint32
    assert read.towers.candidate_table.dtype == read.towers.query_table.dtype == np.float32
    assert (read.towers.query_table == stored(holdout_model.towers.query_table).restored()).all()
    assert (read.towers.candidate_table == stored(holdout_model.towers.candidate_table).restored()).all()
    assert (read.towers.neighbours != holdout_model.towers.neighbours).nnz == 0
    assert holdout_model.popularity is not None
    assert read.popularity is not None
    assert read.popularity.tolist() == holdout_model.popularity.tolist()


def test_a_twin_from_before_strangers_were_kept_is_read(tmp_path: Path) -> None:
    path = tmp_path / "twin.npz"
    write_holdout_model(make_holdout_model()._replace(popularity=None), str(path))
    assert read_holdout_model(str(path)).popularity is None


def test_a_twin_in_half_precision_of_a_model_that_was_pushed_before_is_read(tmp_path: Path) -> None:
    holdout_model, path = make_holdout_model(), tmp_path / "twin.npz"
    write_holdout_model(holdout_model, str(path))
    arrays = {name: array for name, array in np.load(path).items() if not name.startswith(("query", "candidate"))}
    tables = {
        name: getattr(holdout_model.towers, name).astype(np.float16) for name in ("query_table", "candidate_table")
    }
    np.savez(path, **arrays, **tables)
    read = read_holdout_model(str(path))
    assert (read.towers.query_table == tables["query_table"]).all()
    assert (read.towers.candidate_table == tables["candidate_table"]).all()
    assert read.towers.query_table.dtype == np.float32
    assert read.books == BOOKS


@pytest.mark.parametrize("sparse_part", [False, True])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e12])
def test_scores_and_ranks_are_kept_however_long_queries_are(scale: float, sparse_part: bool, tmp_path: Path) -> None:
    holdout_model, path = make_holdout_model(scale, sparse_part=sparse_part), str(tmp_path / "twin.npz")
    write_holdout_model(holdout_model, path)
    histories, users = group_by_user(Interactions(*READ.T), 3), np.arange(3, dtype=np.int32)
    before, after = (
        towers.scores(histories, users) for towers in (holdout_model.towers, read_holdout_model(path).towers)
    )
    assert np.diff(np.sort(before)).min() > 0.02
    assert after == pytest.approx(before, abs=1e-2)
    assert (np.argsort(before) == np.argsort(after)).all()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "twin.npz"
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_holdout_model(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_a_file_of_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "twin.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_holdout_model(str(path))
    assert str(path) in str(caught.value)


def test_a_cut_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "twin.npz"
    write_holdout_model(make_holdout_model(), str(path))
    content = path.read_bytes()
    for end in range(0, len(content), 13):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="cannot be read"):
            read_holdout_model(str(path))


def test_a_changed_byte_is_an_error_or_without_effect(tmp_path: Path) -> None:
    """Some bytes of an archive say nothing about its content, such as the hour at which it was written."""
    path = tmp_path / "twin.npz"
    write_holdout_model(make_holdout_model(), str(path))
    content, whole = path.read_bytes(), read_holdout_model(str(path))
    refused = 0
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        try:
            read = read_holdout_model(str(path))
        except DataError:
            refused += 1
            continue
        assert (read.towers.query_table == whole.towers.query_table).all()
        assert (read.towers.candidate_table == whole.towers.candidate_table).all()
        assert (read.towers.neighbours != whole.towers.neighbours).nnz == 0
        assert (read.trained_on == whole.trained_on).all()
        assert read.books == whole.books
    assert refused > len(content) / 6


USERS = [b"ada", b"ben", b"cleo"]


def hashes(users: list[bytes], books: list[bytes], pairs: list[tuple[bytes, bytes]]) -> list[int]:
    ids = [(users.index(user), books.index(book)) for user, book in pairs]
    return hash_interactions(users, books, Interactions(*np.array(ids, np.int32).T)).tolist()


def test_hashes_go_with_the_names_whatever_the_ids_and_the_order_are() -> None:
    pairs = [(b"ada", b"Dune"), (b"cleo", BOOKS[2]), (b"ben", BOOKS[1]), (b"ada", b"")]
    first = hashes(USERS, BOOKS, pairs)
    second = hashes([b"new", *USERS[::-1]], [*BOOKS[::-1], b"new"], pairs[::-1])
    assert second == first[::-1]


def test_every_pair_has_a_hash_of_its_own_and_a_swapped_one_another() -> None:
    names = [f"name {number}".encode() for number in range(40)]
    pairs = [(user, book) for user in names for book in names]
    found = hashes(names, names, pairs)
    assert len(set(found)) == len(pairs)
    assert min(found) < 2**32 // 100 < 2**32 * 99 // 100 < max(found)


def test_hashes_do_not_change_between_releases() -> None:
    """A later run compares its own with those in a file; the numbers were worked out with integers of any size."""
    import hashlib

    expected = []
    for user, book in ((b"ada", b"Dune"), (b"cleo", BOOKS[1])):
        parts = [int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little") for name in (user, book)]
        mixed = ((parts[0] * 0x9E3779B97F4A7C15 % 2**64) ^ parts[1]) * 0xBF58476D1CE4E5B9 % 2**64
        expected.append(mixed >> 32)
    assert hashes(USERS, BOOKS, [(b"ada", b"Dune"), (b"cleo", BOOKS[1])]) == expected


def test_no_interactions_have_no_hashes() -> None:
    none = Interactions(np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert hash_interactions(USERS, BOOKS, none).shape == (0,)
