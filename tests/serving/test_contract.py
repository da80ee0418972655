"""A model that keeps its promises is told from one that breaks any of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.contract import broken_terms
from serving.probe import ServedModel, read_by
from tests.serving.small_models import BOOK_NAMES, BOOKS, HISTORIES, USER_NAMES
from trainer.export.request_checks import MOST_ANSWERS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


@pytest.fixture(scope="module")
def model(models: list[Path]) -> ServedModel:
    return ServedModel(models[0])


@pytest.fixture(scope="module")
def read(model: ServedModel) -> dict[bytes, list[bytes]]:
    return read_by({name.encode(): place for place, name in enumerate(USER_NAMES)}, model)


def test_an_exported_model_keeps_them(model: ServedModel, read: dict[bytes, list[bytes]]) -> None:
    assert sum(map(len, read.values())) > BOOKS
    assert broken_terms(model.ask, read) == []


def test_readers_whose_sparse_parts_name_a_million_books_each_can_be_checked(
    model: ServedModel, read: dict[bytes, list[bytes]]
) -> None:
    def asked(signature: str, inputs: Any) -> dict[str, Any]:
        if signature == "user_embedding":
            assert len(inputs["user_id"]) * 1_000_000 <= MOST_ANSWERS
        return model.ask(signature, inputs)

    assert broken_terms(asked, read) == []


def changed(ask: Callable, signature: str, change: Callable[[dict[str, Any]], None]) -> Callable:
    def asked(name: str, inputs: Any) -> dict[str, Any]:
        answer = {key: np.array(value) for key, value in ask(name, inputs).items()}
        if name == signature:
            change(answer)
        return answer

    return asked


def repeat_a_book(answer: dict[str, Any]) -> None:
    answer["isbn"][3, 4] = answer["isbn"][3, 2]


def recommend_what_was_read(answer: dict[str, Any]) -> None:
    answer["isbn"][5, 7] = BOOK_NAMES[HISTORIES.books[HISTORIES.row_splits[5]]].encode()


def raise_a_score(answer: dict[str, Any]) -> None:
    answer["score"][2, 9] = 1e3


def score_with_nothing(answer: dict[str, Any]) -> None:
    answer["score"][2, 9] = np.nan


def know_everybody(answer: dict[str, Any]) -> None:
    answer["known_user"][:] = True


def tell_strangers_apart(answer: dict[str, Any]) -> None:
    answer["isbn"][-1, -1] = b"a book"


def leave_a_hole(answer: dict[str, Any]) -> None:
    answer["isbn"][0, 3] = b""


def swap_two(answer: dict[str, Any]) -> None:
    answer["isbn"][0, [2, 5]] = answer["isbn"][0, [5, 2]]


def answer_too_much(answer: dict[str, Any]) -> None:
    for name in ("isbn", "score"):
        answer[name] = np.concatenate([answer[name], answer[name][:, -1:]], axis=1)


def turn_the_vectors(answer: dict[str, Any]) -> None:
    answer["embedding"] = np.roll(answer["embedding"], 1, axis=1)


def know_no_book(answer: dict[str, Any]) -> None:
    answer["known_book"][0] = False


@pytest.mark.parametrize(
    ("signature", "change", "told"),
    [
        ("serving_default", repeat_a_book, "stands in one answer 2 times"),
        ("serving_default", recommend_what_was_read, "is recommended, but was read"),
        ("serving_default", raise_a_score, "not finite and falling"),
        ("serving_default", score_with_nothing, "not finite and falling"),
        ("serving_default", know_everybody, "known_user is wrong"),
        ("serving_default", tell_strangers_apart, "unknown users do not get one and the same"),
        ("serving_default", leave_a_hole, "is not filled"),
        ("recommend", repeat_a_book, "stands in one answer 2 times"),
        ("recommend", raise_a_score, "not finite and falling"),
        ("recommend", swap_two, "the next best do not follow"),
        ("recommend", answer_too_much, "books for k = 10"),
        ("recommend_for_history", swap_two, "another answer than the reader"),
        ("recommend_for_history", repeat_a_book, "stands in one answer 2 times"),
        ("user_embedding", turn_the_vectors, "product is not the score"),
        ("book_embedding", turn_the_vectors, "product is not the score"),
        ("similar_books", repeat_a_book, "stands in one answer 2 times"),
        ("similar_books", know_no_book, "is unknown"),
    ],
)
def test_a_broken_one_is_told(
    signature: str, change: Callable, told: str, model: ServedModel, read: dict[bytes, list[bytes]]
) -> None:
    broken = broken_terms(changed(model.ask, signature, change), read)
    # A book's vector is checked by its product with a reader's, and told as the reader's.
    assert any(told in fault and fault.startswith(signature.replace("book_", "user_")) for fault in broken)
