"""The exported SavedModel's signatures, beside the same answers worked out in numpy on the exported vectors."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from data.histories import Histories, Interactions, group_by_user
from tests.trainer.export.exports import export_towers
from trainer.export.quantised_table import stored
from trainer.export.row_blocks import BLOCK_NUMBERS
from trainer.models.towers import BookTowers
from transform.features import FILLER_SCORE

pytestmark = pytest.mark.integration

RANDOM = np.random.default_rng(3)
USERS, BOOKS, DIM, WIDTH = 40, 900, 12, 100
USER_NAMES = [f"reader-{number}".encode() for number in range(USERS)]
BOOK_NAMES = ["Émile", "a, b", "zwei\nZeilen", "0007", "日本", *(f"book {number}" for number in range(5, BOOKS))]
NEAR = np.where(RANDOM.random((BOOKS, BOOKS)) < 0.01, 5 * RANDOM.random((BOOKS, BOOKS)), 0).astype(np.float32)
TABLES = [stored(table).restored() for table in RANDOM.normal(size=(2, BOOKS, DIM)).astype(np.float32)]
TOWERS = BookTowers(*TABLES, sparse.csr_matrix(NEAR))
STRANGERS = ["nobody", "", "reader-00"]


def histories() -> Histories:
    sizes = RANDOM.integers(1, 60, USERS)
    sizes[3] = BOOKS - 7  # Has read nearly everything.
    books = [RANDOM.choice(BOOKS, size, replace=False) for size in sizes]
    return group_by_user(
        Interactions(np.repeat(np.arange(USERS), sizes).astype(np.int32), np.concatenate(books).astype(np.int32)), USERS
    )


READ = histories()


def read_by(name: str) -> list[int]:
    if name.encode() not in USER_NAMES:
        return []
    user = USER_NAMES.index(name.encode())
    return READ.books[READ.row_splits[user] : READ.row_splits[user + 1]].tolist()


def popularity() -> np.ndarray:
    """Who has fewer books than the reader of the middle review counts less, in proportion."""
    full = np.median([size for size in READ.sizes() for _ in range(size)])
    weights = [min(size / full, 1.0) for size in READ.sizes()]
    shares = np.zeros(BOOKS)
    for name, weight in zip(USER_NAMES, weights, strict=True):
        shares[read_by(name.decode())] += weight / sum(weights)
    return shares.astype(np.float32)


POPULARITY = popularity()


def vector(read: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The dense part, and the sparse one with all its zeros."""
    summed = TOWERS.query_table[read].sum(axis=0)
    length = max(float(np.linalg.norm(summed)), 1e-12)
    return summed / length, NEAR[read].sum(axis=0) / length


def oracle(read: list[int], left_out: list[int], k: int) -> tuple[list[str], list[float]]:
    """What a reader of these books gets; the most popular books where there are none."""
    dense, near = vector(read)
    scores = TOWERS.candidate_table @ dense + near if read else POPULARITY
    order = [book for book in np.argsort(-scores, kind="stable") if book not in set(left_out)][:k]
    return [BOOK_NAMES[book] for book in order], [float(scores[book]) for book in order]


def texts(answer: dict[str, tf.Tensor]) -> list[list[str]]:
    return [[isbn.decode() for isbn in row] for row in answer["isbn"].numpy()]


def check(answer: dict[str, tf.Tensor], row: int, wanted: tuple[list[str], list[float]]) -> None:
    names, scores = wanted
    isbn, score = texts(answer)[row], answer["score"].numpy()[row]
    assert isbn == names + [""] * (len(isbn) - len(names))
    assert score[: len(names)] == pytest.approx(scores, abs=1e-5)
    assert (score[len(names) :] == FILLER_SCORE).all()
    assert len(set(names)) == len(names)


@pytest.fixture(
    scope="module",
    params=[BLOCK_NUMBERS, pytest.param(20_000, marks=pytest.mark.exhaustive), 1],
    ids=["in one block", "in blocks", "row by row"],
)
def signatures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("signatures") / "model"
    books = [name.encode() for name in BOOK_NAMES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.export.row_blocks.BLOCK_NUMBERS", request.param)
        export_towers(folder, TOWERS, USER_NAMES, books, READ, WIDTH)
    return tf.saved_model.load(str(folder)).signatures


def ask(signatures: Any, name: str, **inputs: Any) -> dict[str, tf.Tensor]:
    return dict(signatures[name](**{name: tf.constant(*value) for name, value in inputs.items()}))


def recommend(signatures: Any, users: list[str], exclude: list[list[str]], k: list[int]) -> dict[str, tf.Tensor]:
    excluded = tf.constant(exclude, tf.string, [len(users), len(exclude[0]) if exclude else 0])
    return dict(
        signatures["recommend"](
            user_id=tf.constant(users, tf.string), exclude=excluded, k=tf.constant(k, tf.int32, [len(k)])
        )
    )


def test_every_input_has_the_batch_first_and_is_called_as_documented(signatures) -> None:
    shapes = {
        name: {key: tuple(spec.shape.as_list()) for key, spec in signature.structured_input_signature[1].items()}
        for name, signature in signatures.items()
    }
    assert shapes == {
        "serving_default": {"user_id": (None,)},
        "recommend": {"user_id": (None,), "exclude": (None, None), "k": (None,)},
        "recommend_for_history": {"isbn": (None, None)},
        "similar_books": {"isbn": (None,), "k": (None,)},
        "user_embedding": {"user_id": (None,)},
        "book_embedding": {"isbn": (None,)},
    }


def test_serving_default_leaves_out_what_was_read_and_gives_strangers_the_popular(signatures) -> None:
    users = [name.decode() for name in USER_NAMES] + STRANGERS
    answer = ask(signatures, "serving_default", user_id=(users,))
    assert answer["isbn"].shape == (len(users), WIDTH)
    for row, user in enumerate(users):
        check(answer, row, oracle(read_by(user), read_by(user), WIDTH))
    assert answer["known_user"].numpy().tolist() == [True] * USERS + [False] * len(STRANGERS)


@pytest.mark.parametrize("n", [0, 1, 500])
def test_recommend_excludes_and_is_as_wide_as_the_largest_k(signatures, n: int) -> None:
    users = ["reader-0", "reader-3", "nobody", "reader-7"]
    ks = [1, 10, 100, BOOKS + 20]
    exclude = [[BOOK_NAMES[book] for book in RANDOM.choice(BOOKS, n, replace=False)] for _ in users]
    if n > 1:
        exclude = [[*names[2:], "", "no such book"] for names in exclude]
    answer = recommend(signatures, users, exclude, ks)
    assert answer["isbn"].shape == answer["score"].shape == (4, BOOKS + 20)
    for row, (user, k) in enumerate(zip(users, ks, strict=True)):
        left_out = [BOOK_NAMES.index(name) for name in exclude[row] if name in BOOK_NAMES]
        check(answer, row, oracle(read_by(user), read_by(user) + left_out, k))


def test_a_batch_answers_as_its_rows_do_alone(signatures) -> None:
    users, exclude, ks = ["reader-5", "x", "reader-3"], [["Émile"], [""], ["0007"]], [7, 30, 3]
    together = recommend(signatures, users, exclude, ks)
    for row, k in enumerate(ks):
        alone = recommend(signatures, users[row : row + 1], exclude[row : row + 1], [k])
        assert texts(alone)[0] == texts(together)[row][:k]
        assert alone["score"].numpy()[0] == pytest.approx(together["score"].numpy()[row][:k], abs=1e-6)


def test_a_history_is_answered_as_a_reader_with_it_would_be(signatures) -> None:
    rows = [
        ["Émile", "zwei\nZeilen", "日本"],
        ["Émile", "Émile", "unheard of"],  # Each book counts once, and an unknown one not at all.
        ["", "unheard of", ""],
    ]
    answer = ask(signatures, "recommend_for_history", isbn=(rows,))
    for row, read in enumerate(([0, 2, 4], [0], [])):
        check(answer, row, oracle(read, read, WIDTH))
    assert answer["known_user"].numpy().tolist() == [True, True, False]
    user = read_by("reader-9")
    by_history = ask(signatures, "recommend_for_history", isbn=([[BOOK_NAMES[book] for book in user]],))
    assert texts(by_history) == texts(ask(signatures, "serving_default", user_id=(["reader-9"],)))


def test_an_empty_history_is_a_strangers(signatures) -> None:
    empty = signatures["recommend_for_history"](isbn=tf.zeros([2, 0], tf.string))
    check(dict(empty), 1, oracle([], [], WIDTH))


def test_similar_books_are_the_nearest_by_cosine_without_the_book(signatures) -> None:
    lengths = np.linalg.norm(TOWERS.candidate_table, axis=1)
    cosines = TOWERS.candidate_table @ TOWERS.candidate_table.T / np.outer(lengths, lengths)
    answer = ask(signatures, "similar_books", isbn=(["日本", "unheard of", "zwei\nZeilen"],), k=([5, 9, BOOKS + 1],))
    assert answer["isbn"].shape == (3, BOOKS + 1)
    for row, book, k in ((0, 4, 5), (2, 2, BOOKS + 1)):
        order = [other for other in np.argsort(-cosines[book], kind="stable") if other != book][:k]
        check(answer, row, ([BOOK_NAMES[other] for other in order], cosines[book, order].tolist()))
    check(answer, 1, ([], []))
    assert answer["known_book"].numpy().tolist() == [True, False, True]


def test_embeddings_multiply_to_the_scores(signatures) -> None:
    users = ask(signatures, "user_embedding", user_id=(["reader-1", "nobody"],))
    assert users["known_user"].numpy().tolist() == [True, False]
    dense, near = vector(read_by("reader-1"))
    assert users["embedding"].numpy()[0] == pytest.approx(dense, abs=1e-6)
    near_names = [isbn.decode() for isbn in users["near_isbn"].numpy()[0]]
    on_top = dict(zip(near_names, users["near_score"].numpy()[0].tolist(), strict=True))
    assert len(near_names) == len(set(near_names))
    assert on_top == pytest.approx({BOOK_NAMES[book]: near[book] for book in np.flatnonzero(near)}, abs=1e-6)
    assert not users["embedding"].numpy()[1].any()
    assert set(users["near_isbn"].numpy()[1]) == {b""}
    assert not users["near_score"].numpy()[1].any()
    served = ask(signatures, "serving_default", user_id=(["reader-1"],))
    names = texts(served)[0]
    books = ask(signatures, "book_embedding", isbn=([*names, "unheard of"],))
    assert books["known_book"].numpy().tolist() == [True] * WIDTH + [False]
    assert not books["embedding"].numpy()[-1].any()
    products = books["embedding"].numpy()[:-1] @ users["embedding"].numpy()[0]
    assert np.count_nonzero([on_top.get(name, 0.0) for name in names]) > 3
    assert products + [on_top.get(name, 0.0) for name in names] == pytest.approx(served["score"].numpy()[0], abs=1e-5)


def test_empty_batches_get_empty_answers(signatures) -> None:
    nobody = tf.zeros([0], tf.string)
    none = tf.zeros([0], tf.int32)
    assert signatures["serving_default"](user_id=nobody)["isbn"].shape == (0, WIDTH)
    assert recommend(signatures, [], [], [])["isbn"].shape == (0, 0)
    assert signatures["recommend_for_history"](isbn=tf.zeros([0, 4], tf.string))["isbn"].shape == (0, WIDTH)
    assert signatures["similar_books"](isbn=nobody, k=none)["isbn"].shape == (0, 0)
    assert signatures["user_embedding"](user_id=nobody)["embedding"].shape == (0, DIM)
    assert signatures["user_embedding"](user_id=nobody)["near_isbn"].shape == (0, 0)
    assert signatures["book_embedding"](isbn=nobody)["embedding"].shape == (0, DIM)


@pytest.mark.parametrize("k", [0, -1, 1_000_001, 10**9])
def test_a_k_that_is_no_number_of_books_is_refused_and_the_next_request_answered(signatures, k: int) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="k must be from 1 to 1000000"):
        recommend(signatures, ["reader-0", "reader-1"], [[""], [""]], [5, k])
    with pytest.raises(tf.errors.InvalidArgumentError, match="k must be from 1 to 1000000"):
        ask(signatures, "similar_books", isbn=(["Émile"],), k=([k],))
    check(recommend(signatures, ["nobody"], [[""]], [5]), 0, oracle([], [], 5))


def test_answers_that_would_take_the_servers_memory_are_refused(signatures) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be at most 4000000"):
        recommend(signatures, ["a"] * 11, [[""]] * 11, [1] * 10 + [1_000_000])


@pytest.mark.parametrize(
    ("signature", "rows", "most"),
    [
        ("serving_default", 40_001, "must be at most 4000000"),
        ("recommend_for_history", 40_001, "must be at most 4000000"),
        ("user_embedding", 4_500, "must be at most 4000000"),
        ("book_embedding", 1_333_334, "must be at most 1333333"),
    ],
)
def test_requests_of_too_many_rows_are_refused(signatures, signature: str, rows: int, most: str) -> None:
    [(name, spec)] = signatures[signature].structured_input_signature[1].items()
    asked = tf.fill([rows, 1][: spec.shape.rank], "reader-3")
    with pytest.raises(tf.errors.InvalidArgumentError, match=most):
        signatures[signature](**{name: asked})


def test_inputs_of_different_length_are_refused(signatures) -> None:
    users, k = tf.constant(["a", "b"]), tf.constant([1, 1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="exclude must have one row for each"):
        signatures["recommend"](user_id=users, exclude=tf.constant([["x"]]), k=k)
    with pytest.raises(tf.errors.InvalidArgumentError, match="k must have one row for each"):
        recommend(signatures, ["a", "b"], [["x"], ["y"]], [1])


def test_very_many_exclusions_and_very_long_names_are_answered(signatures) -> None:
    excluded = [*(name for name in BOOK_NAMES[10:]), *(f"other {number}" for number in range(100_000))]
    answer = recommend(signatures, ["x" * 2**20], [excluded], [20])
    check(answer, 0, oracle([], list(range(10, BOOKS)), 20))
